"""Spaces that are declared rather than written: variables with choices, conditions, rules, costs, a graph.

A declaration (``docs/spaces.md``) becomes a :class:`DeclaredSpace` with everything that a space has. Its name
holds the digest of the declaration, ``user:NAME@DIGEST``, so that two tenants' spaces of one name never meet.
Notation beside that of :mod:`spaces.space`: a variable that may be absent has one more choice, ``absent``.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spaces.cached import kept_bytes
from spaces.declared.architectures import Architectures, NoArchitectures
from spaces.declared.declaration import Declaration, declaration_text
from spaces.declared.formulas import Formulas
from spaces.declared.graph import BadEdges, layout
from spaces.declared.labels import observed_labels
from spaces.declared.reader import ABSENT, read_declaration
from spaces.declared.source import DeclarationError, DeclarationProblem, Source, read_source
from spaces.declared.strings import Spelling, spelled
from spaces.expression.evaluate import LARGEST, Computed
from spaces.known import add_space, added_space
from spaces.space import ENUMERABLE, Bools, Codes, Floats, Graph, InvalidArchitecture, Slot, Space, Variable

PREFIX = "user:"
MAX_STRING = 4_000
CHECKED = 2**14
"""Architectures whose costs are computed before a declaration is accepted."""
MAX_COMBINED = 27
"""Joint choices of the variables that a neighbour gains or loses; beyond it, only the first of each."""
MAX_SUMMARIES = 48
LEAST_BYTES = 2**18
"""Memory of a space without any tables, roughly: its expressions, strings and objects."""
OBSERVATION_BYTES = 2_000
"""Memory of one observation as it was declared, roughly."""


def declare(source: Source | str | Mapping[str, object]) -> "DeclaredSpace":
    """The space of a declaration, known to this process by its name from now on.

    Args:
        source: a TOML or JSON text, what :func:`read_source` made of one, or its data.

    Raises:
        DeclarationError: with the field, the reason and, for a text, the line of every problem found.
    """
    if isinstance(source, str):
        source = read_source(source)
    elif not isinstance(source, Source):
        source = Source(source)
    declaration = read_declaration(source)
    name = f"{PREFIX}{declaration.name}@{_digest(declaration)[:16]}"
    with _looking:
        building = _building.setdefault(name, threading.Lock())
    with building:  # one builds it, the others wait for it
        try:
            space = added_space(name) or add_space(DeclaredSpace(declaration))
        finally:
            with _looking:
                _building.pop(name, None)
    assert isinstance(space, DeclaredSpace)
    return space


_looking = threading.Lock()
_building: dict[str, threading.Lock] = {}


def _digest(declaration: Declaration) -> str:
    return hashlib.sha256(declaration_text(declaration).encode()).hexdigest()


class DeclaredSpace(Space):
    """A space from a declaration; see :func:`declare`.

    Attributes:
        work: operations that checking and pricing one architecture takes.

    Raises:
        DeclarationError: where an expression, a rule, a cost, the graph or an observation is wrong.
    """

    transient = True
    has_twins = False

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.digest = _digest(declaration)
        self.name = f"{PREFIX}{declaration.name}@{self.digest[:16]}"
        self.title = declaration.title
        self.tasks, self.devices = declaration.tasks, ()
        formulas = Formulas(declaration)
        self._sizes = np.array([len(v.choices) for v in declaration.variables for _ in v.entries])
        self._spelling = Spelling(declaration.variables)
        if self._spelling.longest > MAX_STRING:
            self._refuse(("variables",), f"a string would have {self._spelling.longest:,} characters")
        self._costs = formulas.costs
        self._rules = formulas.rules
        every = [*formulas.costs.values(), *(rule for _, rule in formulas.rules)]
        self.work = len(self._sizes) + sum(formula.work for formula in every)
        try:
            self._architectures = Architectures(
                self._sizes,
                formulas.conditions,
                [rule for _, rule in formulas.rules],
                (formulas.controls, formulas.ruled),
                self._no_value,
            )
        except NoArchitectures as error:
            raise self._refused(("rules",), str(error), "allow more, or fewer choices") from None
        self._set_variables()
        self._set_graph()
        self.size = self._architectures.size
        if self.size < 2:
            self._refuse(("rules",), "only one architecture satisfies the rules", "allow more")
        self.counted = self._architectures.counted
        first = self._architectures.sample(1, np.random.default_rng(0))
        self.example = self.format(first)[0]
        self._example = first[0]
        own = {metric.name: metric.metric() for metric in declaration.metrics}
        self.own_metrics = MappingProxyType(own)
        self.metrics = (*own, "accuracy", *(cost for cost in self._costs))
        self._summaries = self._summary_columns()
        self.statistics_names = (*self._costs, *self._summaries)
        for name in self.own_metrics.keys() & set(self.statistics_names):
            message = f"{name} is a sum or count of the choices"
            self._refuse(("metrics", name), message, "choose another name")
        self._check_costs()
        self.labels = observed_labels(self.declaration, self.read_many)
        observed = {key.split("@")[0] for key in self.labels}
        self.metrics = tuple(dict.fromkeys([*self.metrics, *sorted(observed)]))
        # The text is kept for the lines of problems; there are none any more.
        self.declaration = declaration = replace(declaration, source=Source({}))
        exact = "" if self.counted else ", estimated from draws"
        self.description = (
            f"{declaration.description} ({self.size:,} architectures{exact}; declared by a user)"
        )

    @property
    def public_name(self) -> str:
        """The declaration's own name."""
        return self.declaration.name

    @property
    def memory_bytes(self) -> int:
        """Of its tables, its architectures where they were listed, its labels and the declaration itself."""
        listed = self._everyone.nbytes if hasattr(self, "_everyone") else 0
        labels = sum(codes.nbytes + values.nbytes for codes, values in self.labels.values())
        observations = OBSERVATION_BYTES * len(self.declaration.observations)
        return (
            LEAST_BYTES + self._architectures.memory_bytes + listed + labels + observations + kept_bytes(self)
        )

    # a declaration's problems
    def _refused(self, path: tuple[str | int, ...], message: str, hint: str = "") -> DeclarationError:
        return DeclarationError([self.declaration.problem(path, message, hint)])

    def _refuse(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        raise self._refused(path, message, hint)

    def _no_value(self, why: str, codes: Codes) -> None:
        example = self._spelling.format(codes[None])[0]
        self._refuse(("rules",), f"a rule or condition has no value: {why}, for example in {example}", "")

    def _set_variables(self) -> None:
        """A variable that is absent in some architecture has ``absent`` as its last choice."""
        present = self._architectures.presence
        self._optional: Bools = np.logical_not(present.all(axis=0))
        entries = [(entry, v) for v in self.declaration.variables for entry in v.entries]
        for column in np.flatnonzero(~present.any(axis=0)):
            name = entries[column][0]
            self._refuse(("variables", entries[column][1].name), f"{name} is never present", "repeat it less")
        self.variables = tuple(
            Variable(entry, (*variable.choices, ABSENT) if optional else variable.choices)
            for (entry, variable), optional in zip(entries, self._optional.tolist(), strict=True)
        )

    def _set_graph(self) -> None:
        try:
            found = layout(self.declaration.variables, self.declaration.edges)
        except BadEdges as error:
            path = ("graph", "edges") if error.index is None else ("graph", "edges", error.index)
            raise self._refused(path, error.message, "input -> a -> b -> output") from None
        self.skeleton = found.skeleton
        self._nodes = found.nodes
        vocabulary: list[str] = []
        starts: list[int] = []
        column = 0
        for variable in self.declaration.variables:
            optional = self._optional[column : column + len(variable.entries)].any()
            column += len(variable.entries)
            words = [*map(spelled, variable.choices), *([ABSENT] if optional else [])]
            starts += [len(vocabulary) + 1] * len(variable.entries)
            vocabulary += [f"{variable.name}={word}" for word in words]
        self.operations = ("input", *vocabulary, "output")
        self._starts = np.array(starts)
        self.identity_operations = tuple(name for name in vocabulary if name.endswith(f"={ABSENT}"))
        self.slots = tuple(
            Slot(variable.name, len(variable.choices), int(node))
            for variable, node in zip(self.variables, self._nodes, strict=True)
        )
        self._columns = {int(node): column for column, node in enumerate(self._nodes)}

    def _check_costs(self) -> None:
        """Every cost is a positive number for every architecture, as far as they can be looked at."""
        rng = np.random.default_rng(0)
        few = self.counted and self.size <= CHECKED
        codes = self.enumerate() if few else self._architectures.sample(CHECKED, rng)
        problems: list[DeclarationProblem] = []
        for cost in self._costs:
            why, row = self._cost_problem(cost, codes)
            if why is not None:
                example = self.format(codes[row][None])[0]
                message = f"{why}, for example for {example}"
                hint = "a cost is a positive number for every architecture"
                problems.append(self.declaration.problem(("costs", cost), message, hint))
        if problems:
            raise DeclarationError(problems)
        self._costs_proved = few

    def _cost_problem(self, cost: str, codes: Codes) -> tuple[str | None, int]:
        """Why a cost is none for some row of codes, and which."""
        computed = self._costs[cost](codes)
        if computed.failed.any():
            row = int(np.flatnonzero(computed.failed)[0])
            return computed.reason(row), row
        low = np.flatnonzero(computed.values <= 0)
        return (f"is {computed.values[low[0]]:g}", int(low[0])) if len(low) else (None, 0)

    # strings
    def parse(self, text: str) -> Codes:
        """Codes (v,) of ``name=value|name=value,value,…``; values of what is absent may stand or be ``-``."""
        return self._valid(self._spelling.parse(text, self.example))

    def _valid(self, codes: Codes) -> Codes:
        if (reason := self.reason(codes)) is not None:
            raise InvalidArchitecture(reason, hint=f"for example {self.example}")
        canonical: Codes = self.canonical(codes[None])[0]
        return canonical

    def read_many(
        self, architectures: Sequence[str | Mapping[str, object]], most: int = 1
    ) -> tuple[Codes, list[tuple[int, InvalidArchitecture]]]:
        """Reads each, then computes conditions, rules and costs for all of them together."""
        codes: Codes = np.tile(self._example, (len(architectures), 1))
        faults: dict[int, InvalidArchitecture] = {}
        for index, architecture in enumerate(architectures):
            try:
                codes[index] = (
                    self._spelling.parse(architecture, self.example)
                    if isinstance(architecture, str)
                    else self.chosen_codes(architecture)
                )
            except InvalidArchitecture as error:
                faults[index] = error
                if len(faults) == most:
                    break
        canonical, valid = self._architectures_among(codes)
        for cost in () if self._costs_proved else self._costs:
            rows = np.flatnonzero(valid)
            valid[rows] = self._is_cost(self._costs[cost](canonical[rows]))
        for index in np.flatnonzero(~valid)[:most].tolist():
            reason = self.reason(codes[index]) or "breaks a rule"
            faults[index] = InvalidArchitecture(reason, hint=f"for example {self.example}")
        return canonical, sorted(faults.items())[:most]

    def chosen_codes(self, values: Mapping[str, object]) -> Codes:
        """Codes (v,) of an object; what is absent may be left out."""
        missing = {
            variable.name: ABSENT
            for variable, optional in zip(self.variables, self._optional, strict=True)
            if optional and variable.name not in values
        }
        return super().chosen_codes({**values, **missing})

    def format(self, codes: Codes) -> list[str]:
        """Strings of canonical codes (b, v)."""
        return self._spelling.format(codes)

    def reason(self, codes: Codes) -> str | None:
        """Codes out of range, a variable without a value, a rule's message, or a cost without one."""
        if codes.shape != self._sizes.shape:
            return f"an architecture has {len(self._sizes)} codes, not shape {codes.shape}"
        wrong = np.flatnonzero((codes < 0) | (codes >= self._sizes + self._optional))
        if len(wrong):
            return f"the code of {self.variables[wrong[0]].name} is out of range"
        row = codes[None]
        missing = np.flatnonzero((codes == self._sizes) & self._architectures.present(row)[0])
        if len(missing):
            return f"{self.variables[missing[0]].name} is present and needs a value"
        row = self.canonical(row)
        for message, rule in self._rules:
            computed = rule(row)
            if computed.failed[0] or not computed.values[0]:
                return computed.reason(0) or message
        for cost in () if self._costs_proved else self._costs:
            why, _ = self._cost_problem(cost, row)
            if why is not None:
                return f"{cost}: {why}"
        return None

    def canonical(self, codes: Codes) -> Codes:
        """What the conditions exclude is absent."""
        return self._architectures.canonical(codes)

    # architectures
    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Architectures drawn uniformly, (count, v)."""
        return self._architectures.sample(count, rng)

    def enumerate(self) -> Codes:
        """Every architecture once, where they are few and counted exactly."""
        if self.size > ENUMERABLE or not self.counted:
            return super().enumerate()
        if not hasattr(self, "_everyone"):
            self._everyone = self._architectures.enumerate()
        return self._everyone.copy()

    def neighbours(self, codes: Codes) -> Codes:
        """The architectures that differ in one variable and in what it brings or takes away, (m, v).

        What comes takes every joint choice where these are at most 27, else the first of each; what goes may
        hold any, or the first of each, by the same measure. So neighbours are mutual.
        """
        before = codes < self._sizes
        columns = np.repeat(np.flatnonzero(before), self._sizes[before])
        choices = np.concatenate([np.arange(size) for size in self._sizes[before]])
        columns, choices = columns[choices != codes[columns]], choices[choices != codes[columns]]
        changed = np.tile(codes, (len(columns), 1))
        changed[np.arange(len(columns)), columns] = choices
        after = self._architectures.present(changed)
        same = (after == before).all(axis=1)
        found = [changed[same]]
        for row, here in zip(changed[~same], after[~same], strict=True):
            found.append(self._moved(row, before, here))
        near = np.concatenate(found)
        near = np.unique(near[self._architectures.obeys(near)], axis=0)
        others: Codes = near[(near != codes).any(axis=1)]
        return others

    def _moved(self, codes: Codes, before: Bools, after: Bools) -> Codes:
        """Changed codes (v,) with what is present after the change, in every combination allowed, (m, v)."""
        going, coming = np.flatnonzero(before & ~after), np.flatnonzero(after & ~before)
        if prod(self._sizes[going].tolist()) > MAX_COMBINED and codes[going].any():
            return codes[None][:0]
        ways = prod(self._sizes[coming].tolist())
        rows = np.tile(np.where(after, codes, self._sizes), (ways if ways <= MAX_COMBINED else 1, 1))
        rows[:, coming] = 0
        if len(coming) and ways <= MAX_COMBINED:
            rows[:, coming] = np.stack(np.unravel_index(np.arange(ways), self._sizes[coming]), axis=1)
        return rows.astype(np.int8)

    # graph
    def graph(self, codes: Codes) -> Graph:
        """A node for each variable, holding its choice; the edges are the same for all."""
        operations = np.empty((len(codes), len(self.skeleton)), dtype=np.int64)
        operations[:, 0], operations[:, -1] = 0, len(self.operations) - 1
        operations[:, self._nodes] = codes + self._starts
        return Graph(operations, np.repeat(self.skeleton[None], len(codes), axis=0))

    def slot_operations(self, slot: Slot) -> NDArray[np.int64]:
        """The choices of the slot's variable, ``absent`` last."""
        start = int(self._starts[self._columns[slot.node]])
        return np.arange(start, start + slot.size)

    def isomorphism_key(self, codes: Codes) -> str:
        """The canonical string: a declaration does not say which architectures compute the same."""
        return self.format(self.canonical(codes[None]))[0]

    def slot_values(self, codes: Codes) -> Codes:
        """The codes themselves: a slot for each variable."""
        return codes.copy()

    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        """Valid where every variable that is present has a value and the rules hold; others are absent."""
        codes, valid = self._architectures_among(values)
        codes[~valid] = self._example
        return codes, valid

    def _architectures_among(self, codes: Codes) -> tuple[Codes, Bools]:
        """Canonical codes (b, v), and which rows (b,) are in range, complete and obey the rules."""
        valid: Bools = np.all((codes >= 0) & (codes < self._sizes + self._optional), axis=1)
        present = self._architectures.present(codes)
        valid &= ~np.any(present & (codes == self._sizes), axis=1)
        canonical: Codes = np.where(present, codes, self._sizes).astype(np.int8)
        valid[valid] = self._architectures.obeys(canonical[valid])
        return canonical, valid

    # cost
    def statistics(self, codes: Codes, task: str | None = None) -> dict[str, Floats]:
        """The declared costs, then what the variables add up to: values, sums, and counts of choices.

        A declaration is accepted once many architectures' costs are positive numbers. Should one that was not
        looked at have none, the cost counts as 2⁵³, beyond every bound, and :meth:`reason` says why. No cost
        depends on the task.
        """
        result: dict[str, Floats] = {}
        for name, cost in self._costs.items():
            computed = cost(codes)
            result[name] = np.where(self._is_cost(computed), computed.values.astype(np.float64), LARGEST)
        for name, (columns, worth) in self._summaries.items():
            result[name] = worth[np.arange(len(columns)), codes[:, columns]].sum(axis=1)
        return result

    @staticmethod
    def _is_cost(computed: Computed) -> Bools:
        """Which rows (b,) have a value that can be a cost."""
        fine: Bools = (computed.failed == 0) & (computed.values > 0)
        return fine

    def _summary_columns(self) -> dict[str, tuple[list[int], Floats]]:
        """Name of a summary → its columns (c,), and what each choice of each is worth (c, choices)."""
        found: dict[str, tuple[list[int], Floats]] = {}
        start = 0
        for variable in self.declaration.variables:
            columns = list(range(start, start + len(variable.entries)))
            start += len(columns)
            rows = np.ones((len(columns), 1))
            if isinstance(variable.choices[0], int | float) and not isinstance(variable.choices[0], bool):
                kind = "value" if variable.repeat is None else "sum"
                found[f"{variable.name}_{kind}"] = (columns, rows * np.array([*variable.choices, 0.0]))
                continue
            for place, choice in enumerate(variable.choices):
                worth = np.eye(len(variable.choices) + 1)[place]
                found[f"{variable.name}_{spelled(choice)}_count"] = (columns, rows * worth)
        return dict(list(found.items())[:MAX_SUMMARIES])
