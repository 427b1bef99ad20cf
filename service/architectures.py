"""Architectures as clients write them: a string, or an object of the space's variables."""

from collections.abc import Mapping, Sequence

from search.request import FieldError
from service.problems import MAX_ERRORS, invalid
from spaces.space import Codes, InvalidArchitecture, Space

MAX_CHARACTERS = 4_096
"""Longest string that is parsed at all; every member of every space is far shorter."""


def parse_architectures(
    space: Space, architectures: Sequence[str | Mapping[str, object]], field: str = "architectures"
) -> Codes:
    """Canonical codes (b, v) of what a client sent.

    Raises:
        Problem: 422 with the index, the position and a hint for each wrong one.
    """
    try:
        return space.parse_many(_not_too_long(entry) for entry in architectures)
    except InvalidArchitecture:
        # Only now is each looked at by itself, to name every wrong one and not the first alone.
        raise invalid(_errors(space, architectures, field)) from None


def _not_too_long(entry: str | Mapping[str, object]) -> str | Mapping[str, object]:
    if isinstance(entry, str) and len(entry) > MAX_CHARACTERS:
        raise InvalidArchitecture(
            f"has {len(entry):,} characters, more than any architecture ({MAX_CHARACTERS:,})",
            position=MAX_CHARACTERS,
        )
    return entry


def _errors(
    space: Space, architectures: Sequence[str | Mapping[str, object]], field: str
) -> list[FieldError]:
    errors = []
    for index, entry in enumerate(architectures):
        try:
            entry = _not_too_long(entry)
            _ = space.parse(entry) if isinstance(entry, str) else space.from_variables(entry)
        except InvalidArchitecture as error:
            where = "" if error.position is None else f" (at character {error.position})"
            hint = error.hint or f"for example {space.example}"
            errors.append(FieldError(f"{field}[{index}]", f"{error.message}{where}", hint))
            if len(errors) == MAX_ERRORS:
                break
    return errors
