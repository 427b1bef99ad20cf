"""``/v1/predict``: quantities of architectures, without measuring."""

import json
from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from predictors.prediction import Prediction
from search.request import FieldError, InvalidRequest, resolve_quantity
from service.architectures import parse_architectures
from service.dependencies import ServiceDep, TenantDep
from service.measured import named_devices
from service.problems import Problem, documented, invalid
from service.schemas import PredictCreate, PredictionsPublic
from service.strict_json import StrictJSONRoute
from spaces.metric import Quantity
from spaces.space import Floats, Space, get_space, space_names
from store.port import Store

router = APIRouter(prefix="/v1/predict", tags=["predict"], route_class=StrictJSONRoute)

SHIPPED_KINDS = ("auto", "gbdt")


@router.post("", response_model=PredictionsPublic, responses=documented(400, 408, 413, 415, 422, 503))
async def predict(request: PredictCreate, service: ServiceDep, tenant: TenantDep) -> Response:
    """Predicts each of the metrics for each of the architectures, with intervals.

    ``columns`` is the layout for thousands of architectures.
    """
    most = service.config.max_architectures
    if len(request.architectures) > most:
        raise Problem(413, f"a call takes at most {most:,} architectures; split it over several calls")
    body = await service.science.run(_answer, request, service.store, tenant)
    service.metrics.predicted.labels(request.space).inc(len(request.architectures))
    return Response(body, media_type="application/json")


def _answer(request: PredictCreate, store: Store, tenant: str) -> str:
    """The JSON answer; runs in a thread."""
    # Loads the model library on first use, not when the API starts.
    from predictors.shipped import NoModel, predict, quantities

    if request.space not in space_names():
        raise invalid([FieldError("space", f"{request.space!r} is no space", _known(space_names()))])
    space = get_space(request.space)
    if request.kind not in SHIPPED_KINDS:
        raise invalid(
            [FieldError("kind", f"no {request.kind} model ships", f"one of {', '.join(SHIPPED_KINDS)}")]
        )
    named = named_devices(store, tenant, space.name, [item.device for item in request.metrics])
    own = {device.quantity.key: device for device in named}
    wanted = _quantities(space, request, [device.name for device in named])
    codes = parse_architectures(space, request.architectures)
    try:
        shipped = [quantity for quantity in wanted if quantity.key not in own]
        answer = predict(space.name, shipped, codes, kind=request.kind, confidence=request.confidence)
    except NoModel as error:
        hint = _known(sorted({*quantities(space.name), *space.statistics_names}))
        raise invalid([FieldError("metrics", str(error), hint)]) from None
    predictions, models = dict(answer.predictions), dict(answer.models)
    for key in own.keys() & {quantity.key for quantity in wanted}:
        predictor = own[key].predictor()
        predictions[key], models[key] = predictor.predict(codes, request.confidence), predictor.digest()
    columns = {quantity.key: _column(predictions[quantity.key]) for quantity in wanted}
    layout = columns if request.layout == "columns" else _rows(columns, len(codes))
    return json.dumps(
        {
            "space": space.name,
            "confidence": request.confidence,
            "architectures": space.format(codes),
            "predictions": layout,
            "models": {quantity.key: models[quantity.key] for quantity in wanted},
        },
        allow_nan=False,
    )


def _quantities(space: Space, request: PredictCreate, devices: Sequence[str]) -> list[Quantity]:
    errors: list[FieldError] = []
    wanted: list[Quantity] = []
    for index, item in enumerate(request.metrics):
        try:
            wanted.append(
                resolve_quantity(
                    space,
                    item.metric,
                    task=item.task,
                    device=item.device,
                    path=f"metrics[{index}]",
                    devices=devices,
                )
            )
        except InvalidRequest as error:
            errors.extend(error.errors)
    if errors:
        raise invalid(errors)
    return list(dict.fromkeys(wanted))


def _column(prediction: Prediction) -> dict[str, list[float | None]]:
    return {
        "mean": prediction.mean.tolist(),
        "std": prediction.std.tolist(),
        "lower": _bounds(prediction.lower),
        "upper": _bounds(prediction.upper),
    }


def _bounds(values: Floats) -> list[float | None]:
    """Bounds with None where no interval can be promised."""
    finite = np.isfinite(values)
    numbers: list[float | None] = values.tolist()
    return numbers if finite.all() else [v if ok else None for v, ok in zip(numbers, finite, strict=True)]


def _rows(columns: dict[str, dict[str, list[float | None]]], count: int) -> list[dict[str, object]]:
    return [
        {key: {name: values[row] for name, values in column.items()} for key, column in columns.items()}
        for row in range(count)
    ]


def _known(names: Sequence[str]) -> str:
    return f"known are {', '.join(names)}"
