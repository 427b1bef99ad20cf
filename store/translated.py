"""Turns the errors of a library or of the system into those of the store, which say whether to retry."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def translated(
    kinds: tuple[type[Exception], ...], translate: Callable[[Exception], Exception]
) -> Iterator[None]:
    """Raises the translation of an error in its place.

    Args:
        kinds: of errors that are translated.
        translate: gives the error to raise; the same one where it has no translation.
    """
    try:
        yield
    except kinds as error:
        found = translate(error)
        if found is error:
            raise
        raise found from error
