"""Ids as clients write them: whole, or the beginning of one."""

from collections.abc import Callable
from typing import TypeVar

from search.request.quantities import FieldError
from service.http.problems import Problem, invalid
from store.database.ids import SHORTEST, Named, is_id
from store.jobs.job import NotFound
from store.port import Store

T = TypeVar("T")
MOST_LISTED = 5


def whole_id(store: Store, tenant: str, what: Named, text: str, field: str | None = None) -> str:
    """The id that a text is, or that alone of the tenant's begins with it.

    Args:
        field: what the text was given as; ``job_id`` and the like unless said.

    Raises:
        Problem: 404 where no id begins so; 422 with the ids where several do.
    """
    if is_id(text):
        return text
    found = store.ids_beginning(what, text, tenant_id=tenant, limit=MOST_LISTED + 1)
    if not found:
        raise Problem(404, f"there is no {what} {text!r}")
    if len(found) > 1:
        listed = ", ".join(found[:MOST_LISTED]) + (", …" if len(found) > MOST_LISTED else "")
        message = f"{text!r} begins the ids of several: {listed}"
        raise invalid([FieldError(field or f"{what}_id", message, "write more of the one that is meant")])
    return found[0]


def whole_cursor(
    store: Store, tenant: str, what: Named, after: str | None, field: str = "after"
) -> str | None:
    """As :func:`whole_id` for an id in a query; what begins none is left for the store to refuse."""
    if after is None or len(after) < SHORTEST:
        return after
    try:
        return whole_id(store, tenant, what, after, field)
    except Problem as problem:
        if problem.status_code != 404:
            raise
        return after


def page_behind(
    store: Store, tenant: str, what: Named, after: str | None, read: Callable[[str | None], T]
) -> T:
    """What a store reads behind the id that a client's ``after`` means.

    Args:
        read: takes the whole id.

    Raises:
        Problem: 422 where there is no such id of the tenant's.
    """
    try:
        return read(whole_cursor(store, tenant, what, after))
    except NotFound:
        message, hint = f"{after!r} is no {what}", "the id of the last one you have"
        raise invalid([FieldError("after", message, hint)]) from None
