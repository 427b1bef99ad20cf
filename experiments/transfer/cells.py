"""Figures 1, 2 and 7 of ``netwright compare transfer``: tasks of nasbench201 without measurements."""

import io
import tarfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from benchmarks.errors import TableUnavailable
from benchmarks.tables import Tables
from benchmarks.task_pairs import SOURCE, read_pairs
from encoders.tasks.embedding import TaskEmbedding, TaskSample, embed_imagenet_classes, embed_sample
from encoders.tasks.imagenet_classes import class_names, wordnet_ids
from experiments.framework.context import Context
from experiments.framework.published import Publication
from experiments.framework.row import NO_TABLE, Row
from predictors.training.ship_tasks import prototypes_of, within_tasks
from predictors.transfer.task_conditioned import load_task_predictor
from predictors.transfer.task_training import TaskOptions, TaskTraining
from spaces.known import get_space

SPACE = "nasbench201"
IMAGES = "cifar10_jpeg.tar.xz"
STDS = {"cifar10": 0.27, "cifar100": 0.60}
"""Standard deviation between training seeds, in points."""
NAG = Publication("An et al.", 2024, "DiffusionNAG, ICLR, table of transferable NAS")
PUBLISHED = {"cifar10": NAG.reports(1.0), "cifar100": NAG.reports(2.0)}
"""Architectures trained until the optimum; EDNAG 1 and 1, TNAS 29 and 59."""
COLUMNS = [f"{SPACE}/accuracy@imagenet-subsets"]
"""The pairs of tasks and cells, which are no table of the service."""
FIRST = 5
SHOWN = 20
"""Images of a class that a task is given by."""
TABLE = "NAS-Bench-201 (Dong & Yang, ICLR 2020)"
CIFAR100 = (
    "apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
    "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
    "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
    "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
    "lawn mower", "leopard", "lion", "lizard", "lobster", "man", "maple tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak tree", "orange", "orchid", "otter", "palm tree", "pear", "pickup truck",
    "pine tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank", "telephone", "television", "tiger",
    "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow tree", "wolf", "woman",
    "worm",
)  # fmt: skip


def cell_rows(context: Context) -> list[Row]:
    """Architectures that must be trained, in the order proposed."""
    rows = []
    for task in STDS:
        identity = f"1-{task}-until-optimum"
        reason = context.tables.available(SPACE, f"accuracy@{task}")
        if reason is None and task == "cifar10" and images_of(context.tables) is None:
            reason = f"no {IMAGES} in the data directory"
        if reason is not None:
            rows.append(
                Row.absent(
                    identity, reason, "architectures", goal="<= 2", evaluated_on=[f"{SPACE}/accuracy@{task}"]
                )
            )
            continue
        for way in ("", "-shuffled"):
            rows += _proposed_rows(context, task, way)
        context.progress(len(rows), 20, task)
    return rows


def _proposed_rows(context: Context, task: str, way: str) -> list[Row]:
    """What one way of ordering the cells of a task finds.

    CIFAR-10 is given by drawn images and shuffled tasks by drawn classes, one a seed. CIFAR-100's own classes
    give one order: that is exact, and one order reaches no goal.
    """
    units = {"until-optimum": "architectures", "until-near": "architectures", f"best-of-{FIRST}": "%"}
    units["spearman"] = "rho"
    drawn = task == "cifar10" or way == "-shuffled"
    runs = (
        context.each(f"cells-{task}{way}", proposed, task, way)
        if drawn
        else [context.once(f"cells-{task}{way}", proposed, context.tables, task, way, 0)]
    )
    rows = []
    for name, unit in units.items():
        row, values = f"1-{task}-{name}{way}", [run[name] for run in runs]
        first = name == "until-optimum" and way == ""
        published = PUBLISHED[task] if first else None
        if drawn:
            goal, columns = "<= 2" if first else None, [f"{SPACE}/accuracy@{task}"]
            rows.append(
                Row.measured(
                    row, values, unit, goal=goal, evaluated_on=columns, published=published, source=TABLE
                )
            )
        else:
            rows.append(Row.exact(row, values[0], unit, published=published, source=TABLE))
    return rows


def proposed(tables: Tables, task: str, way: str, seed: int) -> dict[str, float]:
    """Where the order of proposal finds the optimum and what is near it."""
    space = get_space(SPACE)
    codes = space.enumerate()
    embedding = _embedding(tables, task, seed)
    if way == "-shuffled":
        embedding = _shuffled(embedding, seed)
    fitness = load_task_predictor(SPACE, embedding).predict(codes).mean
    order = np.lexsort((space.statistics(codes)["params_m"], -np.round(fitness, 6)))
    truth = tables.values(SPACE, f"accuracy@{task}", codes)[order]
    return {
        "until-optimum": float(np.flatnonzero(truth == truth.max())[0] + 1),
        "until-near": float(np.flatnonzero(truth >= truth.max() - STDS[task])[0] + 1),
        f"best-of-{FIRST}": float(truth[:FIRST].max()),
        "spearman": float(spearmanr(fitness[order], truth).statistic),
    }


def held_out_rows(context: Context) -> list[Row]:
    """Tasks of the pairs, left out in five parts."""
    try:
        read_pairs(context.tables.data_dir)
    except TableUnavailable as error:
        return [Row.absent("2-spearman", str(error), "rho", goal=">= 0.7", evaluated_on=COLUMNS)]
    rows = []
    for way, goal in (("", ">= 0.7"), ("-without-embedding", None)):
        found = context.each(f"held-out{way}", held_out, way)
        spearman, within = [run["spearman"] for run in found], [run["within"] for run in found]
        rows += [
            Row.measured(f"2-spearman{way}", spearman, "rho", goal=goal, evaluated_on=COLUMNS, source=SOURCE),
            Row.measured(f"2-within{way}", within, "tau", source=SOURCE),
        ]
        context.progress(1, 2, f"held-out tasks{way}")
    return rows


def held_out(tables: Tables, way: str, seed: int) -> dict[str, float]:
    """Rank correlation over all pairs of held-out tasks, and within them."""
    pairs = read_pairs(tables.data_dir)
    options = TaskOptions(embedding=way == "")
    predicted = TaskTraining(get_space(SPACE), pairs, prototypes_of(pairs), options, seed=seed).held_out()
    return {
        "spearman": float(spearmanr(predicted, pairs.values).statistic),
        "within": within_tasks(pairs.tasks, predicted, pairs.values),
    }


def far_rows(context: Context) -> list[Row]:
    """Whether tasks far from those learned from say so, rank, and give no interval."""
    rng = np.random.default_rng(0)
    samples = {
        "2-classes": rng.integers(0, 256, (2, 32, 32, 3)),
        "300-classes": rng.integers(0, 256, (300, 16, 16, 3)),
        "grey": np.minimum(rng.integers(0, 64, (10, 28, 28)) * (np.arange(28) % 7 > 2), 255),
        "noise": rng.integers(0, 256, (20, 64, 64, 3)),
    }
    codes = get_space(SPACE).sample(200, rng)
    rows = []
    for name, pixels in samples.items():
        count = len(pixels)
        sample = TaskSample(
            tuple(pixels.astype(np.uint8)),
            np.arange(count),
            tuple(f"class {index}" for index in range(count)),
        )
        predictor = load_task_predictor(SPACE, embed_sample(sample))
        predicted = predictor.predict(codes)
        ranked = len(np.unique(predicted.mean)) > 100 and bool(np.isnan(predicted.lower).all())
        answered = int(predictor.extrapolated and ranked)
        rows.append(
            Row.counted(
                f"7-{name}", answered, 1, "answered", over="tasks", goal="== 1", evaluated_on=NO_TABLE
            )
        )
    context.progress(1, 1, "tasks far away")
    return rows


def images_of(tables: Tables) -> Path | None:
    """The archive of CIFAR-10's images, where it is."""
    path = None if tables.data_dir is None else tables.data_dir / IMAGES
    return path if path is not None and path.is_file() else None


@lru_cache(maxsize=1)
def _archive(path: Path) -> dict[str, list[bytes]]:
    """Training images by class, as files."""
    found: dict[str, list[bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            parts = Path(member.name).parts
            if member.isfile() and len(parts) == 3 and parts[0] == "train":
                file = archive.extractfile(member)
                assert file is not None  # it is a file
                found.setdefault(parts[1], []).append(file.read())
    return found


def _embedding(tables: Tables, task: str, seed: int) -> TaskEmbedding:
    if task == "cifar100":
        return embed_imagenet_classes(named_alike())
    files = cifar10_files(tables, seed)
    images, labels = [], []
    for label, drawn in enumerate(files.values()):
        for content in drawn:
            with Image.open(io.BytesIO(content)) as image:
                images.append(np.asarray(image.convert("RGB")))
            labels.append(label)
    return embed_sample(TaskSample(tuple(images), np.array(labels), tuple(files)))


def cifar10_files(tables: Tables, seed: int) -> dict[str, list[bytes]]:
    """Class → 20 of its training images, drawn by seed, as JPEG files."""
    path = images_of(tables)
    assert path is not None  # as was asked before
    files = _archive(path)
    return {
        name: [
            files[name][index]
            for index in np.random.default_rng([seed, label]).permutation(len(files[name]))[:SHOWN]
        ]
        for label, name in enumerate(sorted(files))
    }


def named_alike() -> list[str]:
    """For each class of CIFAR-100 the first ImageNet class that ends in its name or has it as a word."""
    named = [name.lower().replace("-", " ").split() for name in class_names()]
    found: list[str] = []
    for wanted in CIFAR100:
        words = wanted.split()
        ends = [row for row, name in enumerate(named) if name[-len(words) :] == words]
        has = [row for row, name in enumerate(named) if set(words) <= set(name)]
        identity = next((wordnet_ids()[row] for row in (*ends, *has)), None)
        if identity is not None and identity not in found:
            found.append(identity)
    return found


def _shuffled(embedding: TaskEmbedding, seed: int) -> TaskEmbedding:
    rows = np.random.default_rng([seed, 1]).permutation(1000)[: len(embedding.classes)]
    return embed_imagenet_classes([wordnet_ids()[row] for row in rows])
