"""Variables that a request fixes: every architecture of its search has the same choice of them."""

from collections.abc import Mapping, Sequence

from spaces.space import Choice, Space


def code_of(choices: Sequence[Choice], value: object) -> int | None:
    """The code of a choice; true and false are no numbers here.

    >>> code_of((0, 1, 2), 2), code_of((0, 1, 2), True), code_of(("a", "b"), "c")
    (2, None, None)
    """
    for code, choice in enumerate(choices):
        if isinstance(choice, bool) == isinstance(value, bool) and choice == value:
            return code
    return None


def fixed_codes(space: Space, fixed: Mapping[str, Choice]) -> tuple[tuple[int, int], ...]:
    """Column and code of each fixed variable, in the order of the columns."""
    found = []
    for column, variable in enumerate(space.variables):
        if variable.name in fixed:
            code = code_of(variable.choices, fixed[variable.name])
            assert code is not None  # as the request was checked
            found.append((column, code))
    return tuple(found)
