"""Whether the process works."""

from typing import Literal

from pydantic import BaseModel, Field


class HealthPublic(BaseModel):
    """That the process runs."""

    status: Literal["ok"]
    version: str


class ReadyPublic(BaseModel):
    """That work can be taken; `degraded`: it is taken and waits."""

    status: Literal["ready", "degraded"]
    version: str
    checks: dict[str, str]
    workers: int = Field(description="how many wait for jobs or do one; without any, jobs wait")
