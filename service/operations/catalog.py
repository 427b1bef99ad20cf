"""The tasks that are built in: what each is, and how many classes it has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuiltInTask:
    """A data set that tables hold measured networks for."""

    name: str
    classes: int
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
