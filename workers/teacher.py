"""The teacher of a network that is taken away: the packaged backbone, trained on the same images first."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from networks.images.dataset import load_images
from networks.training.order import NetworkOrder
from networks.training.start import PRETRAINED
from search.evaluator import Stopped
from search.shared_work import done_once
from spaces.families.efficientnet_lite import LITE0, RESOLUTIONS, LiteSpace
from spaces.known import get_space
from workers.checkpoints import JobCheckpoints
from workers.handlers import JobContext, JobStopped

if TYPE_CHECKING:
    from networks.images.catalog import Images
    from networks.images.dataset import ImageSet
    from networks.training.checkpoint import Place
    from networks.training.distillation import Teacher

CHECKPOINT = "teacher"


def teacher_of(
    context: JobContext,
    space_name: str,
    dataset: str,
    order: NetworkOrder,
    students: "ImageSet",
    catalog: "Images",
    checkpoints: JobCheckpoints,
    say: Callable[[str, bytes, "Place"], None],
) -> "tuple[Teacher, dict[str, Any]]":
    """The teacher and what the card says of it; one training for equal images, side and recipe of a tenant.

    It is the whole backbone of the student's space, else EfficientNet-Lite0, at the student's side, but no
    smaller than the backbone's smallest.

    Args:
        context: of the student's job.
        space_name: of the student.
        dataset: name of the images.
        order: of the student; the teacher has its recipe, with the rates of pretrained weights.
        students: the student's images.
        catalog: where the images are.
        checkpoints: of the job.
        say: stores a checkpoint under a name.

    Raises:
        JobStopped: when asked to.
        BackboneUnavailable: the package of the weights is not installed.
    """
    from networks.images.dataset import Part
    from networks.pretrained.inherit import PIXELS
    from networks.training.distillation import Teacher
    from networks.training.rebuild import identity_of, rebuild
    from networks.training.start import started
    from networks.training.train import TrainingStopped, train

    space = get_space(space_name)
    backbone = space if isinstance(space, LiteSpace) else get_space(LITE0.name)
    assert isinstance(backbone, LiteSpace)
    side = max(students.side, RESOLUTIONS[0])
    images = students
    if side != students.side:
        images = load_images(catalog, dataset, side=side, cache_dir=context.cache_dir, validate=False)
    images = replace(images, mean=PIXELS[0], std=PIXELS[1], test=Part(images.test.x[:0], images.test.y[:0]))
    architecture = backbone.whole(max(each for each in RESOLUTIONS if each <= side))
    taught = replace(
        order,
        start=PRETRAINED,
        resolution=side,
        network="full",
        recipe=replace(order.recipe, optimizer=None, learning_rate=None).completed(PRETRAINED),
        task=None,
    )
    identity = identity_of(backbone.name, architecture, taught.training, images, order.seed) | {
        "from": PRETRAINED
    }
    about = {name: value for name, value in images.about().items() if name not in ("data", "left_out")}

    def work(should_stop: Callable[[], bool]) -> dict[str, Any]:
        trained = train(
            lambda: started(identity, PRETRAINED, None, images, should_stop),
            images,
            taught.recipe,
            seed=order.seed,
            identity=identity,
            checkpoint=checkpoints.load(CHECKPOINT),
            save=lambda content, place: say(CHECKPOINT, content, place),
            should_stop=should_stop,
        )
        return {"weights": context.blobs().put(trained.weights), "seconds": round(trained.seconds, 3)}

    try:
        found, _ = done_once(
            context.shared, {**identity, "images": about, "of": "teacher"}, work, context.should_stop
        )
    except (Stopped, TrainingStopped) as stopped:
        raise JobStopped from stopped
    network, known = rebuild(context.blobs().get(str(found["weights"])))
    teacher = Teacher(network, side, (known["mean"], known["std"]), (students.mean, students.std))
    return teacher, _told(backbone, side, found)


def _told(backbone: LiteSpace, side: int, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "backbone": backbone.backbone.title,
        "side": side,
        "weights": f"sha256:{found['weights']}",
        "seconds": found["seconds"],
    }
