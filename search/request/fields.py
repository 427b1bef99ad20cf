"""The fields of a JSON object, read one by one while every error is collected."""

import math
from collections.abc import Mapping, Sequence

from search.request.quantities import FieldError


class Fields:
    """Collects every error of one body, so that a person mends them in one go.

    Args:
        body: as a client sent it.
    """

    def __init__(self, body: Mapping[str, object]) -> None:
        self.body = body
        self.errors: list[FieldError] = []

    def fail(self, field: str, message: str, hint: str = "") -> None:
        """Notes an error; reading goes on."""
        self.errors.append(FieldError(field, message, hint))

    def integer(self, field: str, default: int, low: int, high: int) -> int:
        """A whole number between two others."""
        value = self.body.get(field)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(field, "must be a whole number")
        elif not low <= value <= high:
            self.fail(field, f"must lie between {low} and {high}")
        else:
            return value
        return default

    def truth(self, field: str, *, usual: bool = False) -> bool:
        """True or false; what is usual where it is not there."""
        value = self.body.get(field)
        if value is not None and not isinstance(value, bool):
            self.fail(field, "must be true or false")
        return usual if value is None else value is True

    def number(self, field: str, default: float | None, value: object = None) -> float | None:
        """A finite number, of the body's own field or of one that is given."""
        value = self.body.get(field) if value is None else value
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(field, "must be a number")
            return default
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail(
                field, "must be a finite number", "NaN and infinities are no bounds; leave the bound out"
            )
            return default
        return number

    def choice(self, field: str, choices: Sequence[str], default: str | None) -> str | None:
        """One of several names."""
        value = self.body.get(field)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            self.fail(field, f"{value!r} is not known", f"one of {', '.join(choices)}")
            return default
        return value

    def items(self, field: str) -> list[tuple[str, Mapping[str, object]]]:
        """The objects of a list, each with its path."""
        values = self.body.get(field)
        if values is None:
            return []
        if not isinstance(values, list | tuple):
            self.fail(field, "must be a list")
            return []
        items = []
        for index, value in enumerate(values):
            if isinstance(value, Mapping):
                items.append((f"{field}[{index}]", value))
            else:
                self.fail(f"{field}[{index}]", "must be an object")
        return items

    def unknown(self, path: str, item: Mapping[str, object], known: Sequence[str]) -> None:
        """Refuses names that an object of a list does not have."""
        for name in item:
            if name not in known:
                self.fail(f"{path}.{name}", "unknown field", f"the fields are {', '.join(known)}")
