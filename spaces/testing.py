"""The conformance suite that every space passes. Needs pytest and hypothesis; nothing else imports it.

A space joins with one line in a test module::

    TestNasBench201 = conformance("nasbench201")
"""

import json
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaces.costs.network_config import FULL, SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES, get_space, knows_space
from spaces.metric import METRICS
from spaces.space import ENUMERABLE, Codes, InvalidArchitecture, Space

_fuzz = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors],
)


def conformance(space_name: str) -> type["SpaceConformance"]:
    """The suite for a registered space, to be assigned to a name that begins with ``Test``.

    Args:
        space_name: of the space.

    Raises:
        NotRegistered: there is none of the name, or its module does not load.
    """
    if not knows_space(space_name):
        SPACES.get(space_name)  # raises, and says why
    return type(f"Test_{space_name}", (SpaceConformance,), {"space_name": space_name})


class SpaceConformance:
    """What holds for every space; subclass with ``space_name`` or call :func:`conformance`."""

    space_name: ClassVar[str]

    @cached_property
    def space(self) -> Space:
        """The space under test."""
        return get_space(self.space_name)

    @property
    def enumerable(self) -> bool:
        """Whether the space promises :meth:`Space.enumerate`."""
        return self.space.size <= ENUMERABLE

    def architectures(self, count: int = 300, seed: int = 0) -> Codes:
        """Some architectures."""
        return self.space.sample(count, np.random.default_rng(seed))

    def any_codes(self, count: int = 300, seed: int = 0) -> Codes:
        """Valid codes that need not be canonical."""
        rng = np.random.default_rng(seed)
        columns = [rng.integers(0, len(v.choices), count, dtype=np.int8) for v in self.space.variables]
        codes = np.stack(columns, axis=1)
        return codes[[self.space.reason(row) is None for row in codes]]

    # what a space says of itself
    def test_is_registered_and_built_once(self) -> None:
        assert knows_space(self.space_name)
        assert get_space(self.space_name) is self.space
        assert self.space.name == self.space_name

    def test_vocabularies_are_distinct(self) -> None:
        space = self.space
        for names in (
            [variable.name for variable in space.variables],
            [slot.name for slot in space.slots],
            *([str(choice) for choice in variable.choices] for variable in space.variables),
            *(list(part) for part in (space.operations, space.tasks, space.devices, space.statistics_names)),
        ):
            assert len(set(names)) == len(names)
        assert {"input", "output"} <= set(space.operations)
        assert {*space.zero_operations, *space.identity_operations} < set(space.operations)
        assert all(metric in METRICS or metric in space.own_metrics for metric in space.metrics)
        assert all("@" not in name for name in (*space.tasks, *space.devices, *space.statistics_names))
        assert space.title
        assert space.description

    def test_the_example_is_canonical(self) -> None:
        assert self.space.format(self.space.parse(self.space.example)[None]) == [self.space.example]

    # strings and objects
    def test_strings_round_trip(self) -> None:
        codes = self.architectures()
        strings = self.space.format(codes)
        assert np.array_equal(self.space.parse_many(strings), codes)
        assert codes.dtype == self.space.parse(strings[0]).dtype == np.int8

    def test_strings_are_unique(self) -> None:
        codes = np.unique(self.architectures(), axis=0)
        assert len(set(self.space.format(codes))) == len(codes)

    def test_reading_many_canonical_strings_says_what_reading_each_says(self) -> None:
        codes = self.architectures()
        strings = self.space.format(codes)
        one = self.space.example
        found = self.space.read_canonical(strings)
        assert found is None or np.array_equal(found, codes)
        assert found is None or found.dtype == np.int8
        for bad in ([one, "no architecture"], [f"{one}|", one[1:]], [one[:-1], f"{one[-1]}{one}"], [""]):
            assert self.space.read_canonical(bad) is None

    def test_objects_round_trip(self) -> None:
        for row in self.architectures(50):
            values = self.space.to_variables(row)
            assert np.array_equal(self.space.from_variables(json.loads(json.dumps(values))), row)

    def test_bad_objects_are_refused(self) -> None:
        good = self.space.to_variables(self.architectures(1)[0])
        name = self.space.variables[0].name
        ill_values: list[object] = [None, [], {}, math.nan, -7.5, "x" * 10_000]
        bad: list[Mapping[str, object]] = [
            {},
            {key: value for key, value in good.items() if key != name},
            {**good, "no_such_variable": 1},
            *({**good, name: value} for value in ill_values),
        ]
        for values in bad:
            with pytest.raises(InvalidArchitecture) as caught:
                self.space.from_variables(values)
            assert len(caught.value.message) < 1000

    def test_a_bad_entry_of_many_is_named_by_its_index(self) -> None:
        with pytest.raises(InvalidArchitecture, match=r"^architecture 1\b"):
            self.space.parse_many([self.space.example, "no architecture"])
        assert self.space.parse_many([]).shape == (0, len(self.space.variables))

    @_fuzz
    @given(st.text(max_size=300))
    def test_any_text_parses_or_is_refused(self, text: str) -> None:
        self.parses_or_is_refused(text)

    @_fuzz
    @given(st.data())
    def test_a_damaged_string_parses_or_is_refused(self, data: st.DataObject) -> None:
        text = self.space.format(self.architectures(20))[data.draw(st.integers(0, 19))]
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        alphabet = st.sampled_from(sorted(set(self.space.example) | set("|~+:-0123456789 ")))
        self.parses_or_is_refused(text[:start] + data.draw(st.text(alphabet, max_size=12)) + text[end:])

    @pytest.mark.parametrize("filler", ["(", "|", "0", "\x00", "example"])
    def test_a_huge_string_is_refused(self, filler: str) -> None:
        text = self.space.example * 20_000 if filler == "example" else filler * 1_000_000
        with pytest.raises(InvalidArchitecture) as caught:
            self.space.parse(text)
        assert len(caught.value.message) < 1000

    def parses_or_is_refused(self, text: str) -> None:
        """Parsing gives a canonical architecture, or an error with a hint and a position inside the text."""
        try:
            codes = self.space.parse(text)
        except InvalidArchitecture as error:
            assert error.hint
            assert error.position is None or 0 <= error.position <= len(text)
        else:
            assert self.space.reason(codes) is None
            assert np.array_equal(self.space.parse(self.space.format(codes[None])[0]), codes)

    # codes
    def test_canonical_codes_stay(self) -> None:
        codes = self.architectures()
        assert np.array_equal(self.space.canonical(codes), codes)

    def test_canonical_twice_is_canonical_once(self) -> None:
        codes = self.any_codes()
        once = self.space.canonical(codes)
        assert np.array_equal(self.space.canonical(once), once)
        assert np.array_equal(self.space.parse_many(self.space.format(codes)), once)

    def test_canonical_keeps_the_function(self) -> None:
        codes = self.any_codes(100)
        for row, architecture in zip(codes, self.space.canonical(codes), strict=True):
            assert self.space.isomorphism_key(row) == self.space.isomorphism_key(architecture)

    def test_reason_is_none_for_architectures_alone(self) -> None:
        architecture = self.architectures(1)[0]
        assert self.space.reason(architecture) is None
        for bad in (
            architecture[:-1],
            np.append(architecture, architecture[:1]),
            np.full_like(architecture, -1),
        ):
            assert self.space.reason(bad)
        for position, variable in enumerate(self.space.variables):
            beyond = architecture.copy()
            beyond[position] = len(variable.choices)
            assert self.space.reason(beyond)

    # architectures
    def test_sample_follows_its_seed(self) -> None:
        assert np.array_equal(self.architectures(seed=1), self.architectures(seed=1))
        assert not np.array_equal(self.architectures(seed=1), self.architectures(seed=2))
        assert self.architectures(0).shape == (0, len(self.space.variables))
        assert all(self.space.reason(row) is None for row in self.architectures())

    def test_sample_is_uniform(self) -> None:
        """Each choice occurs as often as among all architectures, within five standard errors."""
        space, draws = self.space, self.architectures(20_000)
        independent = space.size == math.prod(len(variable.choices) for variable in space.variables)
        if not independent and not self.enumerable:
            pytest.skip(f"{self.space_name} is too large to know the exact shares")
        everyone = None if independent else space.enumerate()
        for position, variable in enumerate(space.variables):
            for choice in range(len(variable.choices)):
                share = 1 / len(variable.choices)
                if everyone is not None:
                    share = float(np.mean(everyone[:, position] == choice))
                error = math.sqrt(share * (1 - share) / len(draws))
                assert abs(float(np.mean(draws[:, position] == choice)) - share) <= 5 * error

    def test_enumerate_gives_each_architecture_once(self) -> None:
        if not self.enumerable:
            with pytest.raises(ValueError):
                self.space.enumerate()
            return
        everyone = self.space.enumerate()
        assert everyone.shape == (self.space.size, len(self.space.variables))
        assert len(np.unique(everyone, axis=0)) == self.space.size
        assert np.array_equal(self.space.canonical(everyone), everyone)

    def test_neighbours_are_other_architectures_and_mutual(self) -> None:
        for row in self.architectures(20):
            near = self.space.neighbours(row)
            assert len(near) > 0
            assert len(np.unique(near, axis=0)) == len(near)
            assert not np.any(np.all(near == row, axis=1))
            assert np.array_equal(self.space.canonical(near), near)
            for other in near:
                assert self.space.reason(other) is None
                assert np.any(np.all(self.space.neighbours(other) == row, axis=1))

    def test_neighbours_reach_the_whole_space(self) -> None:
        """Walking from any architecture towards random neighbours sees every choice of every variable."""
        rng = np.random.default_rng(0)
        row, unseen = self.architectures(1)[0], np.ones((len(self.space.variables), 128), dtype=bool)
        choices = np.array([len(variable.choices) for variable in self.space.variables])
        unseen &= np.arange(128) < choices[:, None]
        for _ in range(50_000):
            near = self.space.neighbours(row)
            row = near[rng.integers(len(near))]
            unseen[np.arange(len(row)), row] = False
            if not unseen.any():
                return
        raise AssertionError(f"unseen are {np.argwhere(unseen).tolist()}")

    # graph and slots
    def test_graph_is_upper_triangular_and_holds_the_skeleton(self) -> None:
        space, codes = self.space, self.architectures()
        graph, nodes = space.graph(codes), len(space.skeleton)
        assert graph.operations.shape == (len(codes), nodes)
        assert graph.adjacency.shape == (len(codes), nodes, nodes)
        assert graph.operations.dtype == np.int64
        assert graph.adjacency.dtype == np.bool_
        assert not np.any(np.tril(graph.adjacency))
        assert np.all(graph.adjacency >= space.skeleton)
        assert np.all((graph.operations >= 0) & (graph.operations < len(space.operations)))
        assert np.all(graph.operations[:, 0] == space.operations.index("input"))
        assert np.all(graph.operations[:, -1] == space.operations.index("output"))
        assert np.all(graph.adjacency[:, :-1].any(axis=2)), "every node but the last leads somewhere"
        assert np.all(graph.adjacency[:, :, 1:].any(axis=1)), "every node but the first has an input"

    def test_slots_describe_the_graph(self) -> None:
        space, codes = self.space, self.architectures()
        graph, values = space.graph(codes), space.slot_values(codes)
        assert values.shape == (len(codes), len(space.slots))
        assert values.dtype == np.int8
        for column, slot in zip(values.T, space.slots, strict=True):
            assert np.all((column >= 0) & (column < slot.size))
            if slot.source is not None:
                assert slot.size == 2
                assert not space.skeleton[slot.source, slot.node]
                assert np.array_equal(graph.adjacency[:, slot.source, slot.node], column == 1)
            else:
                operations = space.slot_operations(slot)
                assert len(set(operations.tolist())) == slot.size, "a value stands for one operation"
                assert np.array_equal(graph.operations[:, slot.node], operations[column])

    def test_slots_round_trip(self) -> None:
        architectures = self.architectures()
        values = self.space.slot_values(architectures)
        kept = values.copy()
        codes, valid = self.space.from_slots(values)
        assert valid.all()
        assert np.array_equal(codes, architectures)
        assert codes.dtype == np.int8
        assert np.array_equal(values, kept), "the argument stays as it was"

    def test_random_fillings_are_architectures_or_refused(self) -> None:
        rng = np.random.default_rng(0)
        columns = [rng.integers(0, slot.size, 2000, dtype=np.int8) for slot in self.space.slots]
        codes, valid = self.space.from_slots(np.stack(columns, axis=1))
        assert valid.shape == (2000,)
        assert valid.dtype == np.bool_
        assert np.array_equal(self.space.canonical(codes), codes)
        again, all_valid = self.space.from_slots(self.space.slot_values(codes))
        assert all_valid.all()
        assert np.array_equal(again, codes)
        assert np.all(codes[~valid] == self.space.parse(self.space.example))

    def test_values_outside_a_slot_are_refused(self) -> None:
        values = self.space.slot_values(self.architectures(2 * len(self.space.slots)))
        for index, slot in enumerate(self.space.slots):
            values[2 * index, index] = slot.size
            values[2 * index + 1, index] = -1
        codes, valid = self.space.from_slots(values)
        assert not valid.any()
        assert np.all(codes == self.space.parse(self.space.example))

    # cost
    def test_statistics_are_finite_and_by_row(self) -> None:
        codes = self.architectures(40)
        for task in (None, *self.space.tasks):
            statistics = self.space.statistics(codes, task)
            assert tuple(statistics) == self.space.statistics_names
            for name, values in statistics.items():
                assert values.shape == (len(codes),)
                assert values.dtype == np.float64
                assert np.all(np.isfinite(values))
                assert name not in METRICS or np.all(values > 0)
            for index, row in enumerate(codes):
                alone = self.space.statistics(row[None], task)
                assert all(alone[name][0] == statistics[name][index] for name in statistics)
        assert all(values.shape == (0,) for values in self.space.statistics(codes[:0]).values())

    def test_costs_are_of_the_network_that_is_meant(self) -> None:
        codes = self.architectures(20)
        for task in (None, "absent", *self.space.tasks):
            network = self.space.network_config(task)
            assert network == NetworkConfig.from_dict(json.loads(json.dumps(network.to_dict())))
            costs = self.space.costs(codes, network)
            expected = self.space.statistics(codes, None if task == "absent" else task)
            assert {name: values.tolist() for name, values in costs.items()} == {
                name: values.tolist() for name, values in expected.items()
            }, "without more being said, the network is the one of the statistics"
        if not isinstance(self.space.network_space, ImageSpace):
            for said in ({"classes": 7_777}, {"resolution": 64}, {"skeleton": SMALL}):
                with pytest.raises(ValueError):
                    self.space.network_config(**said)
            return
        few, many = (
            self.space.costs(codes, self.space.network_config(classes=classes)) for classes in (2, 1000)
        )
        assert np.all(many["params_m"] > few["params_m"])
        small, large = (
            self.space.costs(codes, self.space.network_config(resolution=side)) for side in (33, 160)
        )
        assert np.array_equal(small["params_m"], large["params_m"])
        for name in ("macs_m", "peak_memory_mb"):
            assert np.all(small[name] < large[name])
        lean, full = (
            self.space.costs(codes, self.space.network_config(resolution=64, skeleton=skeleton))
            for skeleton in (SMALL, FULL)
        )
        assert tuple(lean) == self.space.statistics_names
        assert np.all(lean["params_m"] < full["params_m"])

    def test_tasks_admit_architectures(self) -> None:
        codes = self.architectures(2000)
        assert self.space.allowed(codes, None).all()
        for task in self.space.tasks:
            admitted = self.space.allowed(codes, task)
            assert admitted.shape == (len(codes),)
            assert admitted.dtype == np.bool_
            assert admitted.any()

    def test_no_function_changes_its_argument(self) -> None:
        architectures = self.architectures(20)
        kept = architectures.copy()
        functions: list[Callable[[Codes], object]] = [
            *(self.space.format, self.space.canonical, self.space.graph, self.space.slot_values),
            *(self.space.statistics, lambda codes: self.space.neighbours(codes[0])),
        ]
        for function in functions:
            function(architectures)
            assert np.array_equal(architectures, kept)
        for copied in (self.space.canonical(architectures), self.space.slot_values(architectures)):
            assert not np.shares_memory(copied, architectures), (
                "writing to the result must not reach the argument"
            )
