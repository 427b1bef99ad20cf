"""A recipe that is searched together with the architecture, as a request names its choices.

::

    "recipe": {"optimizer": ["sgd", "adamw"], "learning_rate": [0.01, 0.1], "epochs": [6, 12]}

What it does not name stays as ``evaluator_options.training.recipe`` says.
"""

from collections.abc import Mapping
from dataclasses import fields
from math import prod
from typing import Any

from networks.options import InvalidOptions, OptionError, read_options
from networks.training.recipe import Recipe
from spaces.known import get_space
from spaces.space import Choice, Space
from spaces.with_recipe import Choices, WithRecipe, with_recipe

FIELD = "recipe"
MOST_CHOICES = 32
MOST_RECIPES = 4096
NAMES = tuple(item.name for item in fields(Recipe))


def read_recipe(value: object, space: Space) -> Choices:
    """The recipe's variables, in the order of :class:`networks.training.recipe.Recipe`.

    Raises:
        InvalidOptions: it is no object of lists, or names what no recipe has or admits.
    """
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        hint = "what may be chosen, such as " + '{"learning_rate": [0.01, 0.1]}'
        raise InvalidOptions([OptionError(FIELD, "must be an object of lists", hint)])
    errors: list[OptionError] = []
    found: dict[str, tuple[Choice, ...]] = {}
    taken = {variable.name for variable in space.variables}
    for name, choices in value.items():
        where = f"{FIELD}.{name}"
        if name not in NAMES:
            errors.append(OptionError(where, "no part of a recipe", f"its parts are {', '.join(NAMES)}"))
        elif name in taken:
            errors.append(OptionError(where, f"{space.public_name} has a variable of this name"))
        else:
            try:
                found[name] = _choices(name, choices, where)
            except InvalidOptions as error:
                errors += error.errors
    if not value:
        errors.append(OptionError(FIELD, "names nothing to choose", "leave it out"))
    if not errors and (count := prod(len(choices) for choices in found.values())) > MOST_RECIPES:
        errors.append(OptionError(FIELD, f"makes {count:,} recipes", f"at most {MOST_RECIPES:,}"))
    if errors:
        raise InvalidOptions(errors)
    return tuple((name, found[name]) for name in NAMES if name in found)


def _choices(name: str, given: object, where: str) -> tuple[Choice, ...]:
    """At least two choices, each one that a recipe admits, none twice."""
    if not isinstance(given, list | tuple) or not 2 <= len(given) <= MOST_CHOICES:
        hint = f"a single one belongs into evaluator_options.training.recipe.{name}"
        raise InvalidOptions([OptionError(where, f"must list 2 to {MOST_CHOICES} choices", hint)])
    errors: list[OptionError] = []
    found: list[Choice] = []
    for index, choice in enumerate(given):
        try:
            value: Choice = getattr(read_options(Recipe, {name: choice}, ""), name)
        except InvalidOptions as error:
            errors.append(OptionError(f"{where}[{index}]", error.errors[0].message, error.errors[0].hint))
            continue
        if value in found:
            errors.append(OptionError(f"{where}[{index}]", f"{value} is named twice"))
        found.append(value)
    if errors:
        raise InvalidOptions(errors)
    return tuple(found)


def searched_space(name: str, recipe: Choices) -> Space:
    """The space that is searched: of architectures, or of these with their recipes."""
    return with_recipe(get_space(name), recipe) if recipe else get_space(name)


def apart(space: Space, architecture: str) -> dict[str, Any]:
    """What an architecture of a space with recipes consists of: ``network`` and ``recipe``; else nothing."""
    if not isinstance(space, WithRecipe):
        return {}
    network, recipe = space.apart(architecture)
    return {"network": network, "recipe": recipe}


def network_of(space: Space, architecture: str) -> str:
    """The canonical string of an architecture's network alone."""
    return str(apart(space, architecture).get("network", architecture))
