"""Declared spaces of stored requests: each carries the declaration, and a process makes the space from it."""

from collections.abc import Mapping

from spaces.declared.source import read_source
from spaces.declared.space import PREFIX, declare
from spaces.known import get_space, knows_space
from spaces.space import Space

FIELD = "declaration"


def know_space(stored: Mapping[str, object]) -> None:
    """Makes the space of a stored request known to this process, where it is a declared one."""
    text = stored.get(FIELD)
    if text is not None and not knows_space(str(stored.get("space"))):
        declare(read_source(str(text)))


def space_named(name: str, carried: Mapping[str, object] | None) -> Space:
    """The space of a name; a declared one is made from the declaration that is carried with the name."""
    know_space({**(carried or {}), "space": name})
    return get_space(name)


def public_name(name: str) -> str:
    """A space's name as its owner wrote it; nothing is built for it.

    >>> public_name("user:mlp@6c59f1a2b3c4d5e6"), public_name("nasbench201")
    ('mlp', 'nasbench201')
    """
    return name.removeprefix(PREFIX).partition("@")[0] if name.startswith(PREFIX) else name
