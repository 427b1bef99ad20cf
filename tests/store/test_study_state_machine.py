"""Random histories of a study: the database does what the plain store in memory does, and nothing is lost."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from spaces.metric import Observation
from store.jobs.job import StoreError
from store.memory import MemoryStore
from store.sql import SqlStore

CLIENTS, NAMES = st.sampled_from("abc"), st.lists(st.sampled_from("uvwxyz"), max_size=4)
LEASES = st.sampled_from([-1.0, 600.0])
"""Over at once, or not within a test."""
NEEDED = ("m", "n")
TOLD = st.builds(
    lambda name, values, failed, fidelity, run: Observation(
        name,
        {} if failed else values,
        "told",
        failed,
        fidelity,
        1.0,
        {} if run is None else {"run": run},
    ),
    st.sampled_from("uvwxyz"),
    st.dictionaries(st.sampled_from(NEEDED), st.sampled_from([1.0, 2.0]), min_size=1),
    st.sampled_from([None, None, "broken"]),
    st.sampled_from(["full", "full", "12ep"]),
    st.sampled_from([None, "r"]),
)


class StudyHistories(RuleBasedStateMachine):
    """Two stores are told the same."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.stores = MemoryStore(), SqlStore(f"sqlite:///{Path(self.folder.name) / 'store.db'}")
        self.stores[1].migrate()
        self.ids = [store.create_study({"space": "cells"})[0].id for store in self.stores]

    def teardown(self):
        self.stores[1].close()
        self.folder.cleanup()

    def same(self, call):
        answers = []
        for store, study in zip(self.stores, self.ids, strict=True):
            try:
                answers.append(call(store, study))
            except StoreError as error:
                answers.append(type(error))
        assert answers[0] == answers[1]
        return answers[0]

    @rule(client=CLIENTS, count=st.integers(1, 3), proposals=NAMES, lease=LEASES)
    def take(self, client, count, proposals, lease):
        found = self.same(
            lambda store, study: store.take_suggestions(study, client, count, proposals, lease_seconds=lease)
        )
        if isinstance(found, list):
            assert len(found) <= count and len({each.architecture for each in found}) == len(found)
            ended = self.ended()
            assert not {each.architecture for each in found} & ended, "what has ended is suggested again"

    @rule(names=NAMES)
    def enqueue(self, names):
        self.same(lambda store, study: store.enqueue_suggestions(study, names))

    @rule(client=CLIENTS, names=st.one_of(st.none(), NAMES))
    def release(self, client, names):
        self.same(lambda store, study: store.release_suggestions(study, client, names))

    @rule(told=st.lists(TOLD, min_size=1, max_size=4), client=st.one_of(st.none(), CLIENTS), lease=LEASES)
    def observe(self, told, client, lease):
        self.same(
            lambda store, study: counted(
                store.observe_study(study, told, needed=NEEDED, client_id=client, lease_seconds=lease)
            )
        )

    def ended(self):
        keys, ended = {}, set()
        for entry in self.stores[0].study_observations(self.ids[0]):
            seen = entry.observation
            if seen.failed is not None:
                ended.add(seen.architecture)
            elif seen.fidelity == "full":
                keys.setdefault(seen.architecture, set()).update(seen.values)
        return ended | {name for name, told in keys.items() if told >= set(NEEDED)}

    @invariant()
    def both_hold_the_same_and_no_suggestion_is_lost(self):
        rows = self.same(lambda store, study: store.study_observations(study))
        waiting = self.same(lambda store, study: store.unfinished(study))
        shown = self.same(lambda store, study: counted((store.study(study), 0)))
        assert len({each.architecture for each in waiting}) == len(waiting)
        assert (shown[1], shown[2]) == (len(waiting), len(rows))
        places = [(row.observation.architecture, row.observation.fidelity, row.run) for row in rows]
        assert len({*places}) == len(places)
        assert [row.number for row in rows] == sorted(row.number for row in rows)


def counted(answer):
    study, news = answer
    return study.suggested, study.waiting, study.observed, study.failed, news


TestStudyHistories = StudyHistories.TestCase
TestStudyHistories.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
