"""Architectures as clients write them: a string, or an object of the space's variables."""

from collections.abc import Mapping, Sequence

from search.request.design_request import FieldError
from service.http.problems import MAX_ERRORS, invalid
from spaces.space import Codes, InvalidArchitecture, Space

MAX_CHARACTERS = 4_096
"""Longest string that is parsed at all; every architecture of every space is far shorter."""


def parse_architectures(
    space: Space, architectures: Sequence[str | Mapping[str, object]], field: str = "architectures"
) -> Codes:
    """Canonical codes (b, v) of what a client sent.

    Raises:
        Problem: 422 with the index, the position and a hint for each wrong one.
    """
    fine = [index for index, entry in enumerate(architectures) if not _too_long(entry)]
    codes, faults = space.read_many([architectures[index] for index in fine], MAX_ERRORS)
    if len(fine) == len(architectures) and not faults:
        return codes
    errors = {fine[index]: error for index, error in faults} | {
        index: _long(entry) for index, entry in enumerate(architectures) if _too_long(entry)
    }
    raise invalid(
        [_problem(space, f"{field}[{index}]", errors[index]) for index in sorted(errors)[:MAX_ERRORS]]
    )


def parse_architecture(
    space: Space, architecture: str | Mapping[str, object], field: str = "architecture"
) -> Codes:
    """As :func:`parse_architectures` for a single one: codes (v,)."""
    if _too_long(architecture):
        raise invalid([_problem(space, field, _long(architecture))])
    codes, faults = space.read_many([architecture], 1)
    if faults:
        raise invalid([_problem(space, field, faults[0][1])])
    single: Codes = codes[0]
    return single


def _too_long(entry: str | Mapping[str, object]) -> bool:
    return isinstance(entry, str) and len(entry) > MAX_CHARACTERS


def _long(entry: str | Mapping[str, object]) -> InvalidArchitecture:
    message = f"has {len(entry):,} characters, more than any architecture ({MAX_CHARACTERS:,})"
    return InvalidArchitecture(message, position=MAX_CHARACTERS)


def _problem(space: Space, field: str, error: InvalidArchitecture) -> FieldError:
    where = "" if error.position is None else f" (at character {error.position})"
    return FieldError(field, f"{error.message}{where}", error.hint or f"for example {space.example}")
