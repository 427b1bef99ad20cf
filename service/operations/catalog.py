"""The tasks of the registered spaces: what each is, and how many classes it has."""

from dataclasses import dataclass

from spaces.known import get_space, space_names


@dataclass(frozen=True, slots=True)
class BuiltInTask:
    """A task that a registered space knows.

    Args:
        name: of the task.
        classes: how many; None where its space does not say.
        description: for people.
    """

    name: str
    classes: int | None
    description: str


_CIFAR10 = "CIFAR-10, 32×32 colour images"
_NODES = "NAS-Bench-Graph, classification of nodes"

BUILT_IN_TASKS: dict[str, BuiltInTask] = {
    task.name: task
    for task in (
        BuiltInTask("cifar10", 10, f"{_CIFAR10} (NAS-Bench-201, 200 epochs)"),
        BuiltInTask("cifar100", 100, "CIFAR-100, 32×32 colour images (NAS-Bench-201, 200 epochs)"),
        BuiltInTask("cifar10-fp32", 10, f"{_CIFAR10}, 32-bit floating point (AnalogNAS-Bench)"),
        BuiltInTask(
            "cifar10-int8-ptq", 10, f"{_CIFAR10}, quantized to 8 bits after training (AnalogNAS-Bench)"
        ),
        BuiltInTask("cifar10-int8-qat", 10, f"{_CIFAR10}, trained for 8 bits (AnalogNAS-Bench)"),
        BuiltInTask("cifar10-analog", 10, f"{_CIFAR10}, analog in-memory hardware (AnalogNAS-Bench)"),
        BuiltInTask("imagenet", 1000, "ImageNet, 224×224 colour images"),
        BuiltInTask("cora", 7, f"{_NODES}: papers by topic (Cora)"),
        BuiltInTask("citeseer", 6, f"{_NODES}: papers by topic (CiteSeer)"),
        BuiltInTask("pubmed", 3, f"{_NODES}: papers by kind of diabetes (PubMed)"),
        BuiltInTask("cs", 15, f"{_NODES}: authors by field of computer science (Coauthor CS)"),
        BuiltInTask("physics", 5, f"{_NODES}: authors by field of physics (Coauthor Physics)"),
        BuiltInTask("photo", 8, f"{_NODES}: products by category (Amazon Photo)"),
        BuiltInTask("computers", 10, f"{_NODES}: products by category (Amazon Computers)"),
        BuiltInTask("arxiv", 40, f"{_NODES}: papers by subject (ogbn-arxiv)"),
        BuiltInTask("proteins", 112, f"{_NODES}: proteins by 112 yes-or-no functions (ogbn-proteins)"),
    )
}


def spaces_of_tasks() -> dict[BuiltInTask, list[str]]:
    """Each task of a registered space with the spaces that know it; those of plug-ins last."""
    known: dict[str, list[str]] = {}
    for name in space_names():
        for task in get_space(name).tasks:
            known.setdefault(task, []).append(name)
    described = {task: BUILT_IN_TASKS.get(task) or _undescribed(task, known[task][0]) for task in known}
    order = [*(name for name in BUILT_IN_TASKS if name in known), *(known.keys() - BUILT_IN_TASKS.keys())]
    return {described[task]: known[task] for task in order}


def _undescribed(task: str, space_name: str) -> BuiltInTask:
    """The task of a plug-in's space."""
    space = get_space(space_name)
    return BuiltInTask(task, space.network_config(task).classes, f"a task of {space.title}")
