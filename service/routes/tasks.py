"""``/v1/tasks``: the data sets that networks can be designed for."""

from fastapi import APIRouter

from service.catalog import BUILT_IN_TASKS
from service.page import After, Limit, page
from service.problems import documented
from service.schemas import TaskList, TaskPublic
from service.strict_json import StrictJSONRoute
from spaces.space import get_space, space_names

router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=StrictJSONRoute)


@router.get("", responses=documented(422))
def list_tasks(after: After = None, limit: Limit = 20) -> TaskList:
    """The built-in tasks, by name, each with the spaces that know it."""
    spaces: dict[str, list[str]] = {}
    for name in space_names():
        for task in get_space(name).tasks:
            spaces.setdefault(task, []).append(name)
    tasks = [
        TaskPublic(name=task.name, description=task.description, classes=task.classes, spaces=spaces[name])
        for name, task in BUILT_IN_TASKS.items()
        if name in spaces
    ]
    chosen, has_more = page(tasks, lambda task: task.name, after, limit)
    return TaskList(tasks=chosen, has_more=has_more)
