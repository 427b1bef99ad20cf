"""A design from request to result: search while evaluations last, then propose, rank and report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.tables import Tables
from generator.masked.weights import has_generator, load_generator
from search.abilities import StartsUniformly
from search.baselines import Backbone, backbone_of, baselines, first_of
from search.evaluator import Bench
from search.feasibility.exact_bounds import nearest_architecture
from search.feasibility.measured_first import MeasuredFirst, spared
from search.feasibility.nearest import (
    Nearest,
    nearest_to_exact,
    nearest_to_measured,
    nearest_to_predicted,
)
from search.knowledge import Knowledge
from search.models import Models, fit_models, searched_problem
from search.pareto.front import pareto_front
from search.problem import Problem
from search.proposals import Proposals, propose
from search.report import architectures, baseline, signed_objectives_of
from search.request.answerable import check_answerable
from search.request.design_request import DesignRequest
from search.request.pins import pinned
from search.request.sources import sources_by_quantity
from search.run.composite import CompositeEvaluator, make_evaluator
from search.run.evaluation_pool import EvaluationPool
from search.run.loop import Event, Stopped, run
from search.run.outside_pool import outside_pool
from search.study import begun
from search.trial import completed_by_models
from search.twins import first_of_twins
from spaces.metric import Observation

__all__ = ["DesignResult", "EvaluationsFailed", "Stopped", "run_design"]


class EvaluationsFailed(RuntimeError):
    """Every evaluation ended without a value; retry once what failed them, as the message says, is mended."""


@dataclass(frozen=True, slots=True)
class DesignResult:
    """How a design ended.

    Args:
        state: ``succeeded``, or ``infeasible`` where no architecture satisfies the bounds.
        result: the JSON object of the HTTP API.
        reason: why it is infeasible, for a person.
    """

    state: str
    result: dict[str, object]
    reason: str | None = None


def run_design(
    request: DesignRequest,
    *,
    tables: Tables,
    bench: Bench | None = None,
    pool: EvaluationPool | None = None,
    unfinished: str | None = None,
    stored: Sequence[Observation] = (),
    on_event: Callable[[Event], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> DesignResult:
    """Runs a design to its end.

    Of what evaluations measure, models learn from this design's observations, on top of what is known
    (:mod:`search.knowledge`): a table stands for measurements the user does not have yet, so a model that was
    trained on it would have seen the answers and is no prior.
    Bounds on what a model predicts hold at the asked confidence before an architecture is evaluated.

    Args:
        request: checked.
        tables: measured truth.
        bench: what evaluators work with; the tables alone unless said otherwise.
        pool: others who evaluate at the same time.
        unfinished: an architecture whose evaluation that attempt had begun.
        stored: observations of an attempt that was cut short; they are not evaluated again.
        on_event: called with each event before work goes on.
        should_stop: asked between evaluations, and within long ones.

    Raises:
        InvalidRequest: where no table or model can answer it.
        EvaluationsFailed: where not one evaluation brought a value.
        Stopped: when ``should_stop`` says so.
    """
    began = time.perf_counter()
    bench = bench or Bench(tables)
    request = check_answerable(request, tables, bench.images)
    if not stored:  # what nobody has begun begins with the models that ship now
        request = replace(request, pins=pinned(request))
    searched = searched_problem(request, bench.blobs, bench.images)
    problem = replace(searched, predictions=None)
    rng = np.random.default_rng(request.seed)
    nearest, gap = nearest_architecture(problem, rng)
    if gap > 0:
        found, values = nearest_to_exact(problem, nearest)
        reason = "no architecture satisfies the exact bounds"
        return _infeasible(request, problem, nearest=found, values=values, began=began, reason=reason)
    if request.evaluations and searched.predictions is not None:
        likeliest, gap = nearest_architecture(searched, rng)
        if gap > 0:
            models = dict(searched.predictions.models)
            found, values, reason = nearest_to_predicted(problem, models, likeliest)
            return _infeasible(request, problem, nearest=found, values=values, began=began, reason=reason)
    backbone = backbone_of(request, searched)
    before = first_of(request, backbone)
    observations: list[Observation] = list(stored)
    drawn: list[Observation] = []
    knowledge = Knowledge()
    if request.evaluations:
        strategy, knowledge = begun(request, bench.blobs, searched)
        assert request.evaluator is not None  # as the request was checked
        evaluator = make_evaluator(problem, request.evaluator, request.evaluator_options, bench, request.seed)
        if isinstance(evaluator, CompositeEvaluator) and evaluator.spares:
            first = MeasuredFirst(strategy.problem, strategy.problem.predictions)
            strategy.rebound(replace(strategy.problem, predictions=first))
        outside = outside_pool(evaluator, bench.remote, stored)
        observations = run(
            strategy,
            evaluator,
            request.evaluations,
            stored=stored,
            on_event=on_event,
            should_stop=should_stop,
            pool=outside or pool if request.parallel > 1 else None,
            parallel=request.parallel,
            unfinished=unfinished,
            first=before,
        )
        if isinstance(strategy, StartsUniformly):
            own = [seen for seen in strategy.finished() if seen.architecture not in before]
            drawn = own[: strategy.uniform_first(request.parallel)]
    report = _report(
        request,
        searched,
        knowledge=knowledge,
        observations=observations,
        drawn=drawn,
        on_event=on_event,
        began=began,
    )
    return _compared(report, request, searched, backbone, observations, bench, should_stop)


def _report(
    request: DesignRequest,
    searched: Problem,
    *,
    knowledge: Knowledge,
    observations: list[Observation],
    drawn: list[Observation],
    on_event: Callable[[Event], None],
    began: float,
) -> DesignResult:
    """Measured architectures within the bounds, then proposals where these are too few."""
    outside = [observation for observation in observations if spared(observation)]
    failures = [observation.failed for observation in observations if observation.failed is not None]
    if observations and len(failures) == len(observations) and not outside:
        raise EvaluationsFailed(f"all {len(failures)} evaluations failed; the last: {failures[-1]}")
    evaluated = len(observations) - len(outside)
    problem = replace(searched, predictions=None)
    models = _models(searched, observations, request, knowledge)
    measured = _within(searched, observations)
    best = problem.space.parse_many(_best_measured(problem, measured))
    codes = first_of_twins(problem, best, best[:0], request.count)
    proposals: Proposals | None = None
    if len(codes) < request.count and all(quantity.key in models for quantity in problem.inexact):
        taken = problem.space.parse_many(observation.architecture for observation in observations)
        proposals = propose(problem, models, request.count - len(codes), seed=request.seed, exclude=taken)
        codes = np.concatenate([codes, proposals.codes])
        on_event(
            Event(
                "generated",
                evaluated,
                request.evaluations,
                f"{len(proposals.codes)} architectures proposed",
                {"architectures": problem.space.format(proposals.codes)},
            )
        )
    if not len(codes):
        nearest, values, reason = nearest_to_measured(problem, observations, models, proposals)
        return _infeasible(
            request,
            problem,
            nearest=nearest,
            values=values,
            began=began,
            reason=reason,
            evaluated=evaluated,
        )
    known = {observation.architecture: observation for observation in measured}
    rows = architectures(problem, models, codes, known, _named(request, knowledge, models))
    for row in rows:
        if (seen := known.get(row["architecture"])) is not None and seen.details:
            row["evaluation"] = {"seconds": round(seen.seconds, 3), **seen.details}
    front = pareto_front(signed_objectives_of(problem, rows, pessimistic=bool(known)))
    result: dict[str, object] = {
        "architectures": rows,
        "pareto": (np.flatnonzero(front) + 1).tolist(),
        "evaluated": evaluated,
        "baseline": baseline(problem, drawn, rows, request.seed),
        "models": _digests(request, problem, models),
        "sources": sources_by_quantity(request),
        "costs_for": problem.network_for(problem.task).to_dict(),
        "knowledge": knowledge.to_dict(request.knowledge),
        "seconds": round(time.perf_counter() - began, 3),
    }
    return DesignResult("succeeded", result)


def _compared(
    report: DesignResult,
    request: DesignRequest,
    searched: Problem,
    backbone: Backbone | str | None,
    observations: list[Observation],
    bench: Bench,
    should_stop: Callable[[], bool],
) -> DesignResult:
    """The result with what a plain backbone reaches."""
    rows: Any = report.result["architectures"]
    if report.state != "succeeded" or backbone is None:
        return report
    models = {} if searched.predictions is None else dict(searched.predictions.models)

    def metrics(architecture: str) -> dict[str, Any]:
        codes = searched.space.parse(architecture)[None]
        problem = replace(searched, predictions=None, objectives=(), constraints=request.constraints)
        known = {row["architecture"]: row["metrics"] for row in rows}
        if architecture in known:
            return dict(known[architecture])
        kept = {key: model for key, model in models.items() if key in {q.key for q in problem.predicted}}
        return dict(architectures(problem, kept, codes, {})[0]["metrics"])

    compared = baselines(backbone, searched, rows, observations, metrics, bench, should_stop)
    return replace(report, result={**report.result, "baselines": compared})


def _models(
    searched: Problem, observations: Sequence[Observation], request: DesignRequest, knowledge: Knowledge
) -> Models:
    """The models of predicted quantities, and where there are enough observations those of the others."""
    models = {} if searched.predictions is None else dict(searched.predictions.models)
    finished = [observation for observation in observations if observation.failed is None]
    prior = knowledge.priors
    least = 1 if len(prior) == len(searched.to_measure) else 2
    if not searched.to_measure or len(finished) < least:
        return models
    return models | fit_models(searched, finished, seed=request.seed, prior=prior)


def _within(searched: Problem, observations: Sequence[Observation]) -> list[Observation]:
    """Finished observations within every bound, the predicted ones at the asked confidence."""
    finished = [observation for observation in observations if observation.failed is None]
    codes = searched.space.parse_many([observation.architecture for observation in finished])
    near = searched.gap(codes) <= 0
    return [
        observation
        for observation, held in zip(completed_by_models(searched, finished), near, strict=True)
        if held
        and all(
            bound.holds(observation.values[bound.quantity.key]) for bound in searched.measured_constraints
        )
    ]


def _best_measured(problem: Problem, measured: Sequence[Observation]) -> list[str]:
    """Strings of feasible observations, the non-dominated first, then by the first objective."""
    if not measured:
        return []
    values = np.stack([problem.signed_objectives(observation.values) for observation in measured])
    order = np.lexsort((-values[:, 0], ~pareto_front(values)))
    return [measured[index].architecture for index in order]


def _digests(request: DesignRequest, problem: Problem, models: Models) -> dict[str, str]:
    """What predicted, what for, and what proposed where there is a generator."""
    name = problem.space.name
    named = {"generator": load_generator(name).digest} if has_generator(name) else {}
    if request.uploaded is not None:
        named[f"task {request.uploaded.name}"] = f"sha256:{request.uploaded.embedding}"
    return named | {key: model.digest() for key, model in models.items()}


def _named(request: DesignRequest, knowledge: Knowledge, models: Models) -> dict[str, str]:
    """Quantity key → which model predicts it, for a person."""
    sources = sources_by_quantity(request)
    own = "the design's own observations"
    after = {key: f"{name}, and {own}" for key, name in knowledge.named.items()}
    return {key: sources[key].get("model", after.get(key, own)) for key in models}


def _infeasible(
    request: DesignRequest,
    problem: Problem,
    *,
    nearest: Nearest,
    values: dict[str, float],
    began: float,
    reason: str,
    evaluated: int = 0,
) -> DesignResult:
    """How a design ends that finds nothing within the bounds: the nearest architecture, and each gap."""
    result: dict[str, object] = {
        "architectures": [],
        "nearest": nearest,
        "gaps": problem.gaps(values),
        "costs_for": problem.network_for(problem.task).to_dict(),
        "evaluated": evaluated,
        "sources": sources_by_quantity(request),
        "seconds": round(time.perf_counter() - began, 3),
    }
    return DesignResult("infeasible", result, reason)
