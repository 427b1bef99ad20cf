"""Refines a trained predictor with observations: at once where that is quick, by a job otherwise."""

import threading
from dataclasses import asdict

import numpy as np

from predictors.kinds import KINDS
from service.children.bounded import checkpoint
from service.dependencies import Service
from spaces.declared.kept import space_named
from store.jobs.job import Job
from store.predictors.predictor import Label, PredictorMoved, StoredPredictor, TrainedVersion

TRIES = 3
_locks = [threading.Lock() for _ in range(64)]
"""One for each predictor, and a few others: equal requests at once learn one after the other, not in vain."""


def observe(
    service: Service, found: StoredPredictor, labels: list[Label], *, key: str | None
) -> tuple[StoredPredictor, Job | None]:
    """Stores observations and learns them, or orders the job that does; runs in a thread."""
    with _locks[hash(found.id) % len(_locks)]:
        found = service.store.predictor(found.id, tenant_id=found.tenant_id)
        return _observe(service, found, labels, key)


def _observe(
    service: Service, found: StoredPredictor, labels: list[Label], key: str | None
) -> tuple[StoredPredictor, Job | None]:
    """As :func:`observe`; other processes may observe at the same time."""
    tenant = found.tenant_id
    for _ in range(TRIES):
        checkpoint()
        if not _is_quick(found, len(labels)):
            break
        version = _refined(service, found, labels)
        if version is None:
            break
        try:
            stored, job = service.store.extend_predictor(
                found.id, labels, tenant_id=tenant, idempotency_key=key, trained=version
            )
        except PredictorMoved:  # others have observed in between: their labels count too
            found = service.store.predictor(found.id, tenant_id=tenant)
            continue
        return stored, job
    return service.store.extend_predictor(found.id, labels, tenant_id=tenant, idempotency_key=key)


def _is_quick(found: StoredPredictor, more: int) -> bool:
    current = found.current
    if current is None or current.number != found.latest.number:
        return False
    return current.labels + more <= KINDS.get(found.spec.kind).inline_labels


def _refined(service: Service, found: StoredPredictor, labels: list[Label]) -> TrainedVersion | None:
    """The next version, its weights already kept; None where that is a whole fit, which is a job's work."""
    from predictors.calibration.support import Support
    from predictors.predictor import NotEnoughLabels, fits_anew
    from predictors.training.observations import Figures, new_predictor

    spec, current = found.spec, found.current
    assert current is not None and current.model is not None
    space = space_named(spec.space, spec.source)
    known = service.store.labels(found.id, current.number, tenant_id=found.tenant_id)
    codes = space.parse_many(architecture for architecture, _ in known + labels)
    values = np.array([value for _, value in known + labels])
    new = slice(len(known), None)
    model = service.models.copy(spec.space, spec.kind, current.model)
    if fits_anew(model, len(labels)):
        return None
    prequential = Figures.of(model.predict(codes[new]), values[new], 0)
    try:
        model = model.refine(codes[new], values[new])
    except NotEnoughLabels:  # a kind whose weights do not hold its labels learns all of them again
        model = new_predictor(space, spec.kind, task=spec.task, seed=found.seed).fit(codes, values)
    about = {
        "cross_validation": current.about.get("cross_validation"),
        "prequential": asdict(prequential),
        "support": Support.of(space, codes, spec.task).to_dict(),
    }
    return TrainedVersion(found.id, current.number + 1, service.blobs.put(model.to_bytes()), about)
