"""``/v1/spaces/{space}/probe``: which architectures to measure on a new device."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.dependencies import ServiceDep
from service.http.problems import Problem, documented
from service.http.strict_json import StrictJSONRoute
from service.operations.devices import check_modelled
from service.schemas import ProbePublic
from spaces.known import get_space, space_names

router = APIRouter(prefix="/v1/spaces", tags=["devices"], route_class=StrictJSONRoute)

MOST = 100


@router.get("/{space}/probe", responses=documented(404, 422, 503))
async def probe_space(
    space: str,
    service: ServiceDep,
    metric: Annotated[str, Query(max_length=100)] = "latency_ms",
    count: Annotated[int, Query(ge=1, le=MOST)] = 10,
) -> ProbePublic:
    """The architectures whose measurements are most informative about a new device."""
    if space not in space_names():
        raise Problem(404, f"there is no space {space!r}; known are {', '.join(space_names())}")
    chosen = await service.science.run(_choose, space, metric, count)
    return ProbePublic(space=space, metric=metric, architectures=chosen)


def _choose(space: str, metric: str, count: int) -> list[str]:
    """Runs in a thread."""
    from predictors.devices.shipped import load

    check_modelled(space, metric)
    return get_space(space).format(load(space).probe(count))
