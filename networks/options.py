"""Options as frozen dataclasses whose fields carry their limits, read from JSON with every error at once.

Example:
    @dataclass(frozen=True, slots=True)
    class Rest:
        seconds: float = limited(1.0, low=0.0, high=60.0)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class OptionError:
    """One thing wrong with an option: where, what, and what would be right."""

    field: str
    message: str
    hint: str = ""


class InvalidOptions(ValueError):
    """Options that make no sense; never worth a retry as they stand."""

    def __init__(self, errors: Sequence[OptionError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = list(errors)


class _Options(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Options = TypeVar("Options", bound=_Options)


def limited(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    kind: type | None = None,
) -> Any:
    """A dataclass field with a default and limits.

    Args:
        default: None where the option may be left open.
        low: smallest number.
        high: largest number.
        choices: texts that are admitted.
        kind: int, float, bool or str; the default's own unless that is None.
    """
    limits = {"low": low, "high": high, "choices": tuple(choices), "kind": kind or type(default)}
    return field(default=default, metadata=limits)


def read_options(cls: type[Options], given: object, path: str) -> Options:
    """Options of a class from a JSON object; what is left out has its default.

    Fields whose metadata names a ``nested`` class are read as objects of it.

    Args:
        cls: a dataclass with fields made by :func:`limited`.
        given: as a client sent it.
        path: what errors put before a field's name.

    Raises:
        InvalidOptions: with every error found.
    """
    if not isinstance(given, Mapping):
        raise InvalidOptions([OptionError(path, "must be an object")])
    known = {item.name: item for item in fields(cls)}
    errors = [
        OptionError(f"{path}.{name}", "unknown field", f"the fields are {', '.join(sorted(known))}")
        for name in given
        if name not in known
    ]
    values: dict[str, object] = {}
    for name in known.keys() & given.keys():
        where, limits = f"{path}.{name}", known[name].metadata
        try:
            if "nested" in limits:
                values[name] = read_options(limits["nested"], given[name], where)
            else:
                values[name] = _checked(given[name], limits, known[name].default, where)
        except InvalidOptions as error:
            errors += error.errors
    if errors:
        raise InvalidOptions(errors)
    return cls(**values)


def _checked(value: object, limits: Mapping[str, Any], default: object, where: str) -> object:
    """A value of the field's kind within its limits."""

    def refuse(message: str) -> InvalidOptions:
        return InvalidOptions([OptionError(where, message)])

    kind = limits["kind"]
    if value is None and default is None:
        return None
    if kind in (str, bool):
        if not isinstance(value, kind):
            raise refuse("must be text" if kind is str else "must be true or false")
        if limits["choices"] and value not in limits["choices"]:
            raise refuse(f"{value!r} is not known; one of {', '.join(limits['choices'])}")
        return value
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise refuse("must be a whole number" if kind is int else "must be a number")
    assert isinstance(value, int | float)
    low = -math.inf if limits["low"] is None else limits["low"]
    high = math.inf if limits["high"] is None else limits["high"]
    if not low <= value <= high or value in (math.inf, -math.inf):
        raise refuse(f"must lie between {low:g} and {high:g}")
    return kind(value)
