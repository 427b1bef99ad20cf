"""Pages of short lists that live in memory, with the same ``after`` and ``limit`` as stored ones."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

T = TypeVar("T")

After = Annotated[str | None, Query(max_length=200, description="name of the last entry of the page before")]
AfterId = Annotated[str | None, Query(max_length=64, description="id of the last one of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]


def page(
    entries: Sequence[T], name: Callable[[T], str], after: str | None, limit: int
) -> tuple[list[T], bool]:
    """The entries whose names follow ``after``, at most ``limit``, and whether there are more.

    >>> page(["a", "b", "c"], str, "a", 1)
    (['b'], True)
    """
    rest = sorted((entry for entry in entries if after is None or name(entry) > after), key=name)
    return rest[:limit], len(rest) > limit
