"""A space of pairs: an architecture and the recipe of its training, chosen together.

FBNetV3 (Dai et al., CVPR 2021) searches both at once, since the best architecture under one recipe need not
be the best under another. A recipe is a few variables more; what works on a space works on the product. Its
canonical string is the architecture's, ``#``, and the recipe's choices::

    |nor_conv_3x3~0|+…#optimizer=sgd,epochs=12

Notation beside that of :mod:`spaces.space`: w variables of the architecture, r of the recipe, v = w + r.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from spaces.costs.network_config import FULL, NetworkConfig
from spaces.mixed_radix import all_codes
from spaces.space import (
    ENUMERABLE,
    Bools,
    Choice,
    Codes,
    Floats,
    Graph,
    InvalidArchitecture,
    Slot,
    Space,
    Variable,
)

SEPARATOR = "#"
EPOCHS = "epochs"
TRAINING_MACS = "training_macs_m"
PASSES = 3
"""Forward passes that cost as much as one step of learning: the backward one takes twice the forward one."""

Choices = tuple[tuple[str, tuple[Choice, ...]], ...]
"""The recipe's variables: each name with its choices."""


class WithRecipe(Space):
    """The product of a space and a recipe.

    The graph is the architecture's with the recipe's choices as a chain of nodes behind the input, so that
    whatever reads graphs sees them. Exact costs are the architecture's; where ``epochs`` is chosen,
    ``training_macs_m`` too: three forward passes for each image and epoch.

    Args:
        base: of the architectures.
        choices: name → choices of each of the recipe's variables; names that the base does not have.
    """

    def __init__(self, base: Space, choices: Choices) -> None:
        self.base = base
        self.recipe = tuple(Variable(name, values) for name, values in choices)
        self._width, shift = len(base.variables), len(self.recipe)
        self.name = f"{base.name}+recipe"
        self.title = f"{base.title} with a recipe"
        self.variables = (*base.variables, *self.recipe)
        spelled = [[spell(variable.name, choice) for choice in variable.choices] for variable in self.recipe]
        self._spelled = spelled
        self.operations = (*base.operations, *(text for texts in spelled for text in texts))
        self.zero_operations = base.zero_operations
        self.identity_operations = base.identity_operations
        self.slots = (
            *(_shifted(slot, shift) for slot in base.slots),
            *(
                Slot(variable.name, len(variable.choices), node)
                for node, variable in enumerate(self.recipe, start=1)
            ),
        )
        self.skeleton = self._behind_recipe(base.skeleton[None])[0]
        self._sizes = np.array([len(variable.choices) for variable in self.recipe])  # (r,)
        self.size = base.size * prod(self._sizes.tolist())
        self.tasks, self.devices = base.tasks, base.devices
        self.task_dependent_cost = base.task_dependent_cost
        self._epochs = next((i for i, variable in enumerate(self.recipe) if variable.name == EPOCHS), None)
        cost = (TRAINING_MACS,) if self._epochs is not None and "macs_m" in base.statistics_names else ()
        self.statistics_names = (*base.statistics_names, *cost)
        self.metrics = (*base.metrics, *cost)
        first = ",".join(texts[0] for texts in spelled)
        self.example = f"{base.example}{SEPARATOR}{first}"
        self.description = f"{base.description} Each is trained in one of {prod(self._sizes.tolist())} ways."

    @property
    def network_space(self) -> Space:
        """The space of the architectures alone."""
        return self.base

    def networks(self, codes: Codes) -> Codes:
        """The architectures' codes (b, w)."""
        return codes[:, : self._width]

    def apart(self, architecture: str) -> tuple[str, dict[str, Choice]]:
        """The architecture's canonical string alone, and the recipe's choices by name.

        Raises:
            InvalidArchitecture: for a string that is not an architecture of the space.
        """
        codes = self.parse(architecture)
        chosen = codes[self._width :].tolist()
        recipe = {v.name: v.choices[index] for v, index in zip(self.recipe, chosen, strict=True)}
        return self.base.format(codes[None, : self._width])[0], recipe

    # strings
    def parse(self, text: str) -> Codes:
        """Codes (v,) of ``architecture#name=choice,…``; the recipe's choices in any order."""
        network, separator, recipe = text.rpartition(SEPARATOR)
        if not separator:
            raise InvalidArchitecture(
                f"an architecture ends in {SEPARATOR} and its recipe", position=len(text), hint=self._hint()
            )
        return np.concatenate([self.base.parse(network), self._recipe_codes(recipe, len(network) + 1)])

    def _recipe_codes(self, text: str, start: int) -> Codes:
        """Codes (r,) of the recipe's part of a string, which begins at ``start``."""
        codes = np.full(len(self.recipe), -1, dtype=np.int8)
        position = start
        for part in text.split(","):
            places = [(i, texts.index(part)) for i, texts in enumerate(self._spelled) if part in texts]
            if not places or codes[places[0][0]] >= 0:
                raise InvalidArchitecture(
                    f"no further choice of the recipe at position {position}",
                    position=position,
                    hint=self._hint(),
                )
            codes[places[0][0]] = places[0][1]
            position += len(part) + 1
        for variable, code in zip(self.recipe, codes, strict=True):
            if code < 0:
                raise InvalidArchitecture(
                    f"the recipe does not say {variable.name}",
                    position=start + len(text),
                    hint=self._hint(),
                )
        return codes

    def _hint(self) -> str:
        return f"for example {self.example}"

    def read_canonical(self, texts: Sequence[str]) -> Codes | None:
        """Codes (b, v) of canonical strings, if the base reads its part fast."""
        parts = [text.rpartition(SEPARATOR) for text in texts]
        recipes = [self._known_recipes.get(recipe) for _, _, recipe in parts]
        if any(codes is None for codes in recipes):
            return None
        networks = self.base.read_canonical([network for network, _, _ in parts])
        if networks is None:
            return None
        return np.concatenate([networks, np.array(recipes, dtype=np.int8)], axis=1)

    @property
    def _known_recipes(self) -> Mapping[str, tuple[int, ...]]:
        return _recipes(self)

    def format(self, codes: Codes) -> list[str]:
        """Strings of canonical codes (b, v), the recipe's choices in the order of its variables."""
        recipes = [
            ",".join(texts[index] for texts, index in zip(self._spelled, row, strict=True))
            for row in codes[:, self._width :].tolist()
        ]
        networks = self.base.format(self.networks(codes))
        return [f"{network}{SEPARATOR}{recipe}" for network, recipe in zip(networks, recipes, strict=True)]

    def reason(self, codes: Codes) -> str | None:
        """What is wrong with the architecture's codes, or with the recipe's."""
        if codes.shape != (len(self.variables),):
            return f"an architecture has {len(self.variables)} codes, not shape {codes.shape}"
        if (reason := self.base.reason(codes[: self._width])) is not None:
            return reason
        recipe = codes[self._width :]
        wrong = np.flatnonzero((recipe < 0) | (recipe >= self._sizes))
        if not len(wrong):
            return None
        variable = self.recipe[wrong[0]]
        return f"the code of {variable.name} lies in 0..{len(variable.choices) - 1}"

    def canonical(self, codes: Codes) -> Codes:
        """The architecture in its canonical codes, the recipe as it is."""
        return self._joined(self.base.canonical(self.networks(codes)), codes[:, self._width :])

    # architectures
    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Architecture and recipe drawn independently, each uniformly."""
        recipes = rng.integers(0, self._sizes, size=(count, len(self._sizes)), dtype=np.int8)
        return self._joined(self.base.sample(count, rng), recipes)

    def neighbours(self, codes: Codes) -> Codes:
        """Neighbours of the architecture under the same recipe, and one other choice of the recipe."""
        network, recipe = codes[: self._width], codes[self._width :]
        around = self.base.neighbours(network)
        others = [
            np.concatenate([recipe[:place], [choice], recipe[place + 1 :]])
            for place, size in enumerate(self._sizes.tolist())
            for choice in range(size)
            if choice != recipe[place]
        ]
        parts = [
            self._joined(around, np.tile(recipe, (len(around), 1))),
            self._joined(np.tile(network, (len(others), 1)), np.array(others, dtype=np.int8)),
        ]
        return np.concatenate(parts)

    def enumerate(self) -> Codes:
        """Every architecture under every recipe.

        Raises:
            ValueError: where there are too many.
        """
        if self.size > ENUMERABLE:
            raise ValueError(f"{self.name} has {self.size:.3g} architectures, too many to enumerate")
        networks, recipes = self.base.enumerate(), all_codes(self.recipe)
        return self._joined(
            np.repeat(networks, len(recipes), axis=0), np.tile(recipes, (len(networks), 1)).astype(np.int8)
        )

    # graph
    def graph(self, codes: Codes) -> Graph:
        """The architecture's graph, the recipe as a chain behind the input."""
        graph = self.base.graph(self.networks(codes))
        starts = len(self.base.operations) + np.cumsum(self._sizes) - self._sizes  # (r,)
        operations = np.concatenate(
            [graph.operations[:, :1], codes[:, self._width :] + starts, graph.operations[:, 1:]], axis=1
        )
        return Graph(operations, self._behind_recipe(graph.adjacency))

    def _behind_recipe(self, adjacency: Bools) -> Bools:
        """Adjacency (b, r + n, r + n) of (b, n, n): what led from the input leads from the last choice."""
        shift, nodes = len(self.recipe), adjacency.shape[1]
        result = np.zeros((len(adjacency), nodes + shift, nodes + shift), dtype=bool)
        result[:, shift:, shift:] = adjacency
        chain = np.arange(shift)
        result[:, chain, chain + 1] = True
        return result

    def slot_operations(self, slot: Slot) -> NDArray[np.int64]:
        """The base's for its slots; a choice of the recipe has an operation of its own."""
        names = [variable.name for variable in self.recipe]
        place = self.slots.index(slot)
        if place < len(self.base.slots):
            return self.base.slot_operations(self.base.slots[place])
        before = int(self._sizes[: names.index(slot.name)].sum())
        return np.arange(slot.size) + len(self.base.operations) + before

    def isomorphism_key(self, codes: Codes) -> str:
        """The architecture's, and the recipe: one function may be learned in different ways."""
        recipe = self.format(codes[None])[0].rpartition(SEPARATOR)[2]
        return f"{self.base.isomorphism_key(codes[: self._width])}{SEPARATOR}{recipe}"

    def slot_values(self, codes: Codes) -> Codes:
        """The base's slots, then the recipe's choices."""
        return self._joined(self.base.slot_values(self.networks(codes)), codes[:, self._width :])

    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        """What the base makes of its slots, with the recipe."""
        inner = len(self.base.slots)
        networks, valid = self.base.from_slots(values[:, :inner])
        recipes = values[:, inner:]
        valid = valid & np.all((recipes >= 0) & (recipes < self._sizes), axis=1)
        codes = self._joined(networks, recipes)
        return np.where(valid[:, None], codes, self.parse(self.example)).astype(np.int8), valid

    # cost
    def network_config(
        self,
        task: str | None = None,
        *,
        classes: int | None = None,
        resolution: int | None = None,
        skeleton: str = FULL,
    ) -> NetworkConfig:
        """As the base: a recipe changes no network."""
        return self.base.network_config(task, classes=classes, resolution=resolution, skeleton=skeleton)

    def statistics(self, codes: Codes, task: str | None = None) -> dict[str, Floats]:
        """The architecture's, and what its training costs."""
        return self._with_training(self.base.statistics(self.networks(codes), task), codes)

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """The architecture's, and what the training of this network costs."""
        return self._with_training(self.base.costs(self.networks(codes), network), codes)

    def _with_training(self, found: dict[str, Floats], codes: Codes) -> dict[str, Floats]:
        if TRAINING_MACS not in self.statistics_names:
            return found
        assert self._epochs is not None
        epochs = np.array([float(choice) for choice in self.recipe[self._epochs].choices])
        spent = PASSES * found["macs_m"] * epochs[codes[:, self._width + self._epochs]]
        return {**found, TRAINING_MACS: spent}

    def allowed(self, codes: Codes, task: str | None) -> Bools:
        """As the base: what a task admits does not depend on the recipe."""
        return self.base.allowed(self.networks(codes), task)

    def _joined(self, networks: Codes, recipes: Codes) -> Codes:
        return np.concatenate([networks, recipes], axis=1, dtype=np.int8)


def spell(name: str, choice: Choice) -> str:
    """A choice as the canonical string has it.

    >>> spell("learning_rate", 0.05), spell("epochs", 12)
    ('learning_rate=0.05', 'epochs=12')
    """
    return f"{name}={choice}"


@lru_cache(maxsize=64)
def with_recipe(base: Space, choices: Choices) -> WithRecipe:
    """The product of a space and a recipe's choices, made once a process."""
    return WithRecipe(base, choices)


@lru_cache(maxsize=64)
def _recipes(space: WithRecipe) -> dict[str, tuple[int, ...]]:
    """The recipe's part of a canonical string → its codes."""
    found = {}
    for row in all_codes(space.recipe).tolist():
        chosen = zip(space.recipe, row, strict=True)
        found[",".join(spell(v.name, v.choices[index]) for v, index in chosen)] = tuple(row)
    return found


def _shifted(slot: Slot, shift: int) -> Slot:
    """A slot of the base behind the recipe's nodes; the input's edges leave from the last of them."""
    return Slot(slot.name, slot.size, slot.node + shift, None if slot.source is None else slot.source + shift)
