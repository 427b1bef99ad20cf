"""What is wrong with a class, found when it is registered and not when it is first used."""

import inspect
from collections.abc import Iterator
from typing import Any


def class_fault(cls: type, base: type) -> str | None:
    """Why a class cannot stand for its base, as a sentence; None where it can.

    It must subclass the base, define what that and its subclasses leave abstract, and its methods must take
    what callers give those of the base.

    >>> from abc import ABC, abstractmethod
    >>> class Shape(ABC):
    ...     @abstractmethod
    ...     def area(self, scale: float) -> float: ...
    >>> class_fault(type("Square", (Shape,), {}), Shape)
    'Square must define area, which Shape leaves abstract'
    >>> class_fault(type("Square", (Shape,), {"area": lambda self: 1.0}), Shape)
    'Square.area(self) is called as Shape.area(self, scale: float) -> float: too many positional arguments'
    """
    if not issubclass(cls, base):
        return f"{cls.__qualname__} is no subclass of {base.__module__}:{base.__qualname__}"
    missing: list[str] = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        declares = _declaring(cls, missing[0]).__qualname__
        return f"{cls.__qualname__} must define {', '.join(missing)}, which {declares} leaves abstract"
    return next(_bad_calls(cls, base), None)


def _declaring(cls: type, name: str) -> type:
    """The class nearest to one that declares a method."""
    return next(each for each in cls.__mro__ if name in vars(each))


def _bad_calls(cls: type, base: type) -> Iterator[str]:
    """A sentence for each method that cannot be called as the base's is."""
    for name in dir(base):
        declared, own = getattr(base, name), getattr(cls, name, None)
        if name.startswith("_") or own is declared or not inspect.isroutine(declared):
            continue
        if not callable(own):
            yield f"{cls.__qualname__}.{name} must be a method, as {base.__qualname__}.{name} is"
            continue
        wanted, given = inspect.signature(declared), inspect.signature(own)
        if inspect.ismethod(declared) and not inspect.ismethod(own):
            yield f"{cls.__qualname__}.{name} must be a class method, as {base.__qualname__}.{name} is"
            continue
        try:
            given.bind(*_positional(wanted), **_by_name(wanted))
        except TypeError as error:
            yield (
                f"{cls.__qualname__}.{name}{given} is called as {base.__qualname__}.{name}{wanted}: {error}"
            )


def _positional(signature: inspect.Signature) -> list[None]:
    """A value for each parameter that callers give by position."""
    return [
        None
        for each in signature.parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) and each.default is each.empty
    ]


def _by_name(signature: inspect.Signature) -> dict[str, Any]:
    """A value for each parameter that callers give by name: keyword-only ones and those with a default."""
    return {
        name: None
        for name, each in signature.parameters.items()
        if each.kind is each.KEYWORD_ONLY
        or (each.kind is each.POSITIONAL_OR_KEYWORD and each.default is not each.empty)
    }
