"""What a request names: quantities, and what is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from spaces.metric import Quantity
from spaces.space import Space

ON_DEVICE = ("latency_ms", "throughput_ips", "energy_mj")
NO_DEVICE = (
    "no device is known: measure a few architectures (netwright devices probe) and add it by that name"
)


def parts_of_key(key: str) -> dict[str, str]:
    """Metric, task and device of a quantity's key; whether they are known is not looked at.

    >>> parts_of_key("latency_ms@gpu@arxiv")
    {'metric': 'latency_ms', 'device': 'gpu', 'task': 'arxiv'}
    >>> parts_of_key("accuracy@cifar10"), parts_of_key("params_m")
    ({'metric': 'accuracy', 'task': 'cifar10'}, {'metric': 'params_m'})

    Raises:
        ValueError: it has too many parts, or an empty one.
    """
    metric, *rest = key.split("@")
    names = ["device", "task"] if metric in ON_DEVICE else ["task"]
    if not metric or len(rest) > len(names) or not all(rest):
        raise ValueError(
            f"{key[:100]!r} is no quantity; write METRIC, METRIC@TASK, METRIC@DEVICE or METRIC@DEVICE@TASK"
        )
    return {"metric": metric, **dict(zip(names, rest, strict=False))}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request: where, what, and what would be right."""

    field: str
    message: str
    hint: str = ""


class InvalidRequest(ValueError):
    """The request can never be answered as it stands; not worth a retry."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = list(errors)


def resolve_quantity(
    space: Space,
    metric: object,
    *,
    task: str | None,
    device: object = None,
    path: str = "",
    devices: Sequence[str] = (),
    tasks: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> Quantity:
    """The quantity that a metric, a task and a device name in a space.

    Accuracies carry the task; latency, throughput and energy the device; in a space whose cost depends on
    the data set, costs carry the task too. ``devices``, ``tasks`` and ``metrics`` are known
    besides the space's own.

    Raises:
        InvalidRequest: naming the field below ``path``.
    """
    where = f"{path}." if path else ""
    if not isinstance(metric, str) or metric not in (*space.metrics, *metrics):
        raise InvalidRequest(
            [
                FieldError(
                    f"{where}metric",
                    f"{metric!r} is no metric of {space.public_name}",
                    f"its metrics are {', '.join(space.metrics)}",
                )
            ]
        )
    errors: list[FieldError] = []
    needs_task = metric in ("accuracy", "loss") or space.task_dependent_cost
    if needs_task and task not in (*space.tasks, *tasks):
        own = "; of your own, the one that the request as a whole is for" if where else ""
        errors.append(
            FieldError(
                f"{where}task",
                f"{task!r} is no task of {space.public_name}",
                f"its tasks are {', '.join((*space.tasks, *tasks))}{own}",
            )
        )
    needs_device = metric in ON_DEVICE
    known = (*space.devices, *devices)
    if needs_device and device not in known:
        errors.append(
            FieldError(
                f"{where}device",
                f"{device!r} is no device of {space.public_name}"
                if device is not None
                else f"{metric} needs a device",
                f"its devices are {', '.join(known)}" if known else NO_DEVICE,
            )
        )
    if not needs_device and device is not None:
        errors.append(FieldError(f"{where}device", f"{metric} does not depend on a device", "leave it out"))
    if errors:
        raise InvalidRequest(errors)
    named = {"task": task if needs_task else None, "device": str(device) if needs_device else None}
    return Quantity(metric, **named, own=space.own_metrics.get(metric))
