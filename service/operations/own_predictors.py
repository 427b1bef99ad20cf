"""The predictors of a tenant's own that answer for quantities of a design or study."""

from collections.abc import Mapping

from search.request.design_request import DesignRequest, FieldError, InvalidRequest
from search.request.own_predictor import OwnPredictor
from search.request.sources import fields_of, model_of
from service.operations.short_ids import whole_id
from store.port import Store
from store.predictors.predictor import StoredPredictor

LATEST = "latest"
FIELD = "predictors"


def own_predictors(
    store: Store, tenant: str, request: DesignRequest, named: Mapping[str, str]
) -> tuple[OwnPredictor, ...]:
    """Those that the request names, and of what nothing else predicts the newest that is trained.

    Args:
        store: where they are.
        tenant: whose.
        request: checked, without sources.
        named: quantity key → id, or ``latest``.

    Raises:
        InvalidRequest: a quantity that the request does not have, a predictor of another one or that is not
            trained.
        NotFound: no such predictor, or another tenant's.
    """
    problem = request.problem()
    inexact = {quantity.key: quantity for _, quantity in fields_of(request) if not problem.is_exact(quantity)}
    errors, found = [], []
    for key, name in named.items():
        field = f"{FIELD}.{key}"
        if key not in inexact:
            known = ", ".join(inexact) or "none"
            errors.append(
                FieldError(field, f"{key!r} is no quantity that is predicted here", f"they are {known}")
            )
            continue
        stored = _newest(store, tenant, request.space, key) if name == LATEST else None
        if name != LATEST:
            stored = store.predictor(whole_id(store, tenant, "predictor", name, field), tenant_id=tenant)
        if stored is None or (stored.spec.space, stored.spec.key) != (request.space, key):
            other = "you have trained none" if stored is None else f"it predicts {stored.spec.key}"
            errors.append(
                FieldError(field, f"{other}, not {key} in {request.space}", "train one at /v1/predictors")
            )
        elif stored.current is None or stored.current.model is None:
            errors.append(FieldError(field, "it is not trained yet", f"/v1/jobs/{stored.latest.job_id}"))
        else:
            found.append(OwnPredictor(key, stored.id, stored.spec.kind, stored.current.model, named=True))
    if errors:
        raise InvalidRequest(errors)
    for key, quantity in inexact.items():
        if key in named or model_of(request, quantity) is not None:
            continue
        newest = _newest(store, tenant, request.space, key)
        if newest is not None and newest.current is not None and newest.current.model is not None:
            found.append(OwnPredictor(key, newest.id, newest.spec.kind, newest.current.model, named=False))
    return tuple(found)


def _newest(store: Store, tenant: str, space: str, key: str) -> StoredPredictor | None:
    found, _ = store.predictors(tenant_id=tenant, space=space, key=key, kind=None, trained=True, limit=1)
    return found[0] if found else None
