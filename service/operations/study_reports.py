"""Whether an evaluation of a study should end before its time, by the intermediate values of all."""

from search.run.stopping import fidelity_of, why_stop
from service.operations.studies import own_part, request_of
from store.port import Store
from store.studies.study import Study


def reason_to_stop(study: Study, architecture: str, step: int, store: Store) -> str | None:
    """Why an evaluation should end at a step; None where it should go on, or the study has no rule.

    What counts is the first objective.
    """
    rule = own_part(study).get("stopping")
    if rule is None:
        return None
    goal = request_of(study).objectives[0].quantity
    rows = store.study_observations(study.id, tenant_id=study.tenant_id, fidelity=fidelity_of(step))
    values = {
        row.observation.architecture: goal.sign * row.observation.values[goal.key]
        for row in rows
        if goal.key in row.observation.values
    }
    own = values.pop(architecture, None)
    return None if own is None else why_stop(str(rule), step, own, list(values.values()))
