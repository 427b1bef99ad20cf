"""Searches for an uploaded task begin with the best of the prior, and learn from each evaluation."""

import numpy as np
import pytest

from encoders.tasks.embedding import VERSION, WIDTH, TaskEmbedding
from predictors.transfer.task_conditioned import load_task_predictor
from search.design import run_design
from search.evaluator import Bench
from search.knowledge import knowledge_of
from search.models import fit_models
from search.request.design_request import DesignRequest, parse_request
from search.request.uploaded_task import EmbeddingGone, UploadedTask
from search.study import strategy_of
from search.trial import CompletedTrial, PendingTrial
from spaces.known import get_space
from spaces.metric import Observation
from store.blobs.memory import MemoryBlobs

CELLS = get_space("nasbench201")
KEY = "accuracy@mine"
ORDER = {"space": "nasbench201", "task": "mine"}


@pytest.fixture(scope="module")
def blobs():
    return MemoryBlobs()


@pytest.fixture(scope="module")
def task(blobs):
    prototypes = 0.05 * np.random.default_rng(0).normal(size=(20, WIDTH)).astype(np.float32)
    embedding = TaskEmbedding(prototypes, tuple(map(str, range(20))), 60, VERSION, "images")
    return UploadedTask("mine", 20, blobs.put(embedding.to_bytes()), VERSION)


@pytest.fixture(scope="module")
def prior(blobs, task):
    """Every cell's prediction before any observation."""
    embedding = TaskEmbedding.from_bytes(blobs.get(task.embedding))
    return load_task_predictor("nasbench201", embedding).predict(CELLS.enumerate()).mean


def requested(task, **more):
    return DesignRequest.from_dict(parse_request(ORDER | more, uploaded=task).to_dict())


def test_the_first_are_the_best_of_the_prior(blobs, task, prior):
    best = CELLS.format(CELLS.enumerate()[np.argsort(-prior, kind="stable")[:4]])
    strategy = strategy_of(requested(task), lambda: blobs)
    assert strategy.suggest(3) == best[:3]
    strategy.observe([], [PendingTrial(best[0])])
    assert strategy.suggest(1) != best[:1]
    bounded = strategy_of(
        requested(task, constraints=[{"metric": "params_m", "max": 0.3}]), lambda: blobs
    ).suggest(5)
    assert (CELLS.costs(CELLS.parse_many(bounded), CELLS.network_config(classes=20))["params_m"] <= 0.3).all()
    # Without the embedding, or for another quantity, the strategy begins as for any task.
    assert strategy_of(requested(task), None).suggest(3) != best[:3]


def test_each_evaluation_is_learned_and_the_past_is_all_that_counts(blobs, task, prior):
    """A truth that turns against the prior: the first edge of the best cells costs ten points."""
    everyone = CELLS.enumerate()
    edge = CELLS.format(everyone[prior.argmax()][None])[0].split("+")[0]
    told = dict(zip(CELLS.format(everyone), prior.tolist(), strict=True))

    def truth(cell: str) -> float:
        return told[cell] - 10.0 * cell.startswith(edge)

    strategy = strategy_of(requested(task), lambda: blobs)
    values, trials = [], []
    for _ in range(12):
        (cell,) = strategy.suggest(1)
        values.append(truth(cell))
        trials.append(CompletedTrial(Observation(cell, {KEY: values[-1]}, "told")))
        strategy.observe([trials[-1]])
    assert len({trial.architecture for trial in trials}) == 12
    assert max(values) > values[0] + 5
    assert strategy.predicted(strategy.suggest(1)[0])[KEY]["std"] > 0
    again = strategy_of(requested(task), lambda: blobs)
    again.observe(trials)
    assert again.suggest(2) == strategy.suggest(2)
    # What a design proposes at its end has learned them too; the shared predictor has not.
    request = requested(task)
    problem = request.problem()
    before = knowledge_of(request, problem, lambda: blobs).priors
    untouched = before[KEY].predict(everyone[:50]).mean
    seen = [trial.observation for trial in trials]
    after = fit_models(problem, seen, seed=0, prior=before)[KEY]
    codes = CELLS.parse_many([trial.architecture for trial in trials])
    errors = np.abs(after.predict(codes).mean - values), np.abs(before[KEY].predict(codes).mean - values)
    assert errors[0].mean() < 0.5 * errors[1].mean()
    assert (before[KEY].predict(everyone[:50]).mean == untouched).all()


def test_an_embedding_that_is_gone_is_told(blobs):
    lost = UploadedTask("mine", 20, "0" * 64, VERSION)
    with pytest.raises(EmbeddingGone, match="add the task again"):
        strategy_of(requested(lost), lambda: blobs)
    noise = UploadedTask("mine", 20, blobs.put(b"no embedding"), VERSION)
    with pytest.raises(EmbeddingGone):
        strategy_of(requested(noise), lambda: blobs)


class Told:
    """An evaluator whose truth is the prior less five."""

    source = "told"

    def __init__(self, told):
        self.told = told

    def evaluate(self, architecture, should_stop):
        return Observation(architecture, {KEY: self.told[architecture] - 5.0}, self.source)


def test_a_design_with_evaluations_begins_with_the_best_of_the_prior(
    blobs, task, prior, tmp_path, monkeypatch
):
    told = dict(zip(CELLS.format(CELLS.enumerate()), prior.tolist(), strict=True))
    monkeypatch.setattr("search.design.make_evaluator", lambda *order: Told(told))
    np.savez(tmp_path / "mine.npz", x=np.zeros((8, 8, 8, 3), dtype=np.uint8), y=np.arange(8) % 2)
    request = requested(task, evaluations=3, evaluator="training", count=6)
    events = []
    bench = Bench(None, tmp_path, blobs=lambda: blobs)
    outcome = run_design(request, tables=None, bench=bench, on_event=events.append)
    rows = outcome.result["architectures"]
    sources = [row["metrics"][KEY]["source"] for row in rows]
    assert sources == ["measured"] * 3 + ["predicted"] * 3
    assert max(told, key=told.get) in [row["architecture"] for row in rows[:3]]
    assert all(event.data["predicted"] for event in events if event.kind == "observed")
    # What was learned of the level is in what is predicted of the others.
    guessed = [told[row["architecture"]] - row["metrics"][KEY]["mean"] for row in rows[3:]]
    assert np.mean(guessed) == pytest.approx(5.0, abs=1.0)
    plain = knowledge_of(request, request.problem(), lambda: blobs).priors[KEY]
    assert outcome.result["models"][KEY] != plain.digest()
