"""``/v1/predict``: quantities of architectures, without measuring."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.responses import Response

from service.dependencies import Service, ServiceDep, TenantDep
from service.http.problems import Problem, documented
from service.http.strict_json import StrictJSONRoute
from service.operations.architectures import parse_architectures
from service.operations.predictions import answer, resolve
from service.operations.spaces import find_space
from service.schemas import PredictCreate, PredictionsPublic
from spaces.declared.space import DeclaredSpace

if TYPE_CHECKING:
    from predictors.shipped import Answer

router = APIRouter(prefix="/v1/predict", tags=["predict"], route_class=StrictJSONRoute)

MAX_OPERATIONS = 10_000_000
"""Of a declared space's rules and costs in one call: about two seconds."""
ROWS_AT_ONCE = 1_000
Columns = Mapping[str, Mapping[str, NDArray[Any]]]


@router.post(
    "", response_model=PredictionsPublic, responses=documented(400, 404, 408, 409, 413, 415, 422, 503)
)
async def predict(request: PredictCreate, service: ServiceDep, tenant: TenantDep) -> Response:
    """Predicts each of the metrics for each of the architectures, with intervals.

    ``columns`` is the layout for thousands of architectures. Which model answers, and that none promises an
    interval far from what it learned from (``extrapolated``), docs/http.md says.
    """
    most = service.config.max_architectures
    if len(request.architectures) > most:
        raise Problem(413, f"a call takes at most {most:,} architectures; split it over several calls")
    body = await service.science.run(_answer, request, service, tenant)
    service.metrics.predicted.labels(request.space).inc(len(request.architectures))
    return Response(body, media_type="application/json")


def _answer(request: PredictCreate, service: Service, tenant: str) -> bytes:
    """The JSON answer; runs in a thread. Loads the model library on first use, not when the API starts."""
    space = find_space(service.store, tenant, request.space).space
    # Each metric computes the formulas anew.
    work = space.work * max(1, len(request.metrics)) if isinstance(space, DeclaredSpace) else 0
    if len(request.architectures) * work > MAX_OPERATIONS:
        most = MAX_OPERATIONS // work
        detail = f"a call in {space.public_name} for {len(request.metrics)} metrics takes at most {most:,} "
        detail += "architectures: its formulas are long"
        raise Problem(413, f"{detail}; split it over several calls")
    wanted = resolve(service, tenant, space, request)
    codes = parse_architectures(space, request.architectures)
    answered = answer(service, space, wanted, codes, kind=request.kind, confidence=request.confidence)
    columns = {key: _column(answered, key) for key in answered.predictions}
    # Bounds that cannot be promised are NaN here and null in the answer. It is written in parts: none of them
    # holds Python's lock for long.
    return orjson.dumps(
        {
            "space": request.space,
            "confidence": request.confidence,
            "architectures": space.format(codes),
            "predictions": _columns(columns) if request.layout == "columns" else _rows(columns, len(codes)),
            "models": answered.models,
            "costs_for": {
                item.quantity.key: item.network.to_dict() for item in wanted if item.network is not None
            },
        }
    )


def _column(answered: "Answer", key: str) -> dict[str, NDArray[Any]]:
    prediction = answered.predictions[key]
    values = {name: getattr(prediction, name) for name in ("mean", "std", "lower", "upper")}
    return {name: np.ascontiguousarray(v) for name, v in values.items()} | {
        "extrapolated": answered.extrapolated[key]
    }


def _columns(columns: Columns) -> dict[str, dict[str, orjson.Fragment]]:
    return {
        key: {
            name: orjson.Fragment(orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY))
            for name, values in column.items()
        }
        for key, column in columns.items()
    }


def _rows(columns: Columns, count: int) -> orjson.Fragment:
    parts = []
    for start in range(0, count, ROWS_AT_ONCE):
        plain = {
            key: {name: values[start : start + ROWS_AT_ONCE].tolist() for name, values in column.items()}
            for key, column in columns.items()
        }
        rows = [
            {key: {name: values[row] for name, values in column.items()} for key, column in plain.items()}
            for row in range(min(ROWS_AT_ONCE, count - start))
        ]
        parts.append(orjson.dumps(rows)[1:-1])
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")
