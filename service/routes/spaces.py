"""``/v1/spaces``: the families of architectures that can be designed in."""

from fastapi import APIRouter

from service.page import After, Limit, page
from service.problems import Problem, documented
from service.schemas import MetricPublic, SpaceList, SpacePublic, SpaceSummary, VariablePublic
from service.strict_json import StrictJSONRoute
from spaces.metric import METRICS
from spaces.space import Space, get_space, space_names

router = APIRouter(prefix="/v1/spaces", tags=["spaces"], route_class=StrictJSONRoute)


@router.get("", responses=documented(422))
def list_spaces(after: After = None, limit: Limit = 20) -> SpaceList:
    """All spaces, by name."""
    names, has_more = page(space_names(), str, after, limit)
    return SpaceList(spaces=[_summary(get_space(name)) for name in names], has_more=has_more)


@router.get("/{space}", responses=documented(404, 422))
def show_space(space: str) -> SpacePublic:
    """A space's variables, metrics, tasks and devices, and an example."""
    if space not in space_names():
        raise Problem(404, f"there is no space {space!r}; known are {', '.join(space_names())}")
    known = get_space(space)
    return SpacePublic(
        **_summary(known).model_dump(),
        description=known.description,
        variables=[VariablePublic(name=v.name, choices=list(v.choices)) for v in known.variables],
        metrics=[
            MetricPublic(
                name=metric.name,
                unit=metric.unit,
                direction=metric.direction.value,
                description=metric.description,
            )
            for metric in (METRICS[name] for name in known.metrics)
        ],
        statistics=list(known.statistics_names),
        tasks=list(known.tasks),
        devices=list(known.devices),
        example=known.example,
        example_variables=known.to_variables(known.parse(known.example)),
    )


def _summary(space: Space) -> SpaceSummary:
    return SpaceSummary(name=space.name, title=space.title, size=space.size)
