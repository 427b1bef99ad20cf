"""Whether the process works."""

from typing import Literal

from pydantic import BaseModel


class HealthPublic(BaseModel):
    """That the process runs."""

    status: Literal["ok"]
    version: str


class ReadyPublic(BaseModel):
    """That work can be taken; `degraded`: it is taken and waits."""

    status: Literal["ready", "degraded"]
    version: str
    checks: dict[str, str]
