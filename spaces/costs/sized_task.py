"""Tasks of which exact costs need the number of classes and nothing else, written ``classes:N``."""

_PREFIX = "classes:"


def sized_task(classes: int) -> str:
    """What stands for any task of so many classes, wherever a task's name is asked for to compute a cost.

    >>> sized_task(7)
    'classes:7'
    """
    return f"{_PREFIX}{classes}"


def classes_of(task: str | None, otherwise: int) -> int:
    """The number of classes of a sized task; ``otherwise`` for any other.

    >>> classes_of("classes:7", 10), classes_of("cifar10", 10)
    (7, 10)
    """
    return int(task.removeprefix(_PREFIX)) if task is not None and task.startswith(_PREFIX) else otherwise
