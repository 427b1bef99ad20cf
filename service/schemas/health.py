"""Whether the process works."""

from typing import Literal

from pydantic import BaseModel


class HealthPublic(BaseModel):
    """That the process runs, or that it can do its work."""

    status: Literal["ok", "ready"]
    version: str
