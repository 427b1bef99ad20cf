"""Training one architecture on all training images, and its bundle: what a person takes away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from networks.export.bundle.origin import Origin
from networks.images.limits import BadImages
from networks.plan import own_side
from networks.training.order import NetworkOrder
from networks.training.start import PRETRAINED
from store.jobs.job import JobState
from store.jobs.place import PLACE
from store.networks.network import TrainedNetwork
from workers.checkpoints import JobCheckpoints
from workers.datasets import images_of
from workers.handlers import JobContext, JobStopped, Outcome, handles

if TYPE_CHECKING:
    from networks.images.catalog import ImageCatalog
    from networks.images.dataset import ImageSet
    from networks.training.checkpoint import Place
    from networks.training.distillation import Teacher
    from networks.training.train import Trained

CHECKPOINT = "training"


@handles("network")
def network(context: JobContext) -> Outcome:
    """Trains the payload's architecture from the last checkpoint on, and bundles what came of it.

    No choice is made by the test images; the training does not even have them. A killed worker's successor
    goes on from the last checkpoint and ends with the same weights; the bundle is made again.
    """
    # Imported here: a worker is ready before torch is loaded.
    import torch

    from networks.export.bundle.bundle import make_bundle
    from networks.images.dataset import load_images

    torch.set_num_threads(1)  # sums in a fixed order give a seed the same weights on every worker
    payload: dict[str, Any] = dict(context.job.payload)
    space, architecture = str(payload["space"]), str(payload["architecture"])
    with images_of(payload["order"], context) as catalog:
        if catalog is None:
            raise BadImages("there are no images: NETWRIGHT_IMAGES is not set on this worker")
        payload["order"].pop(PLACE, None)
        order = NetworkOrder.from_dict(payload["order"])
        images = load_images(
            catalog,
            str(payload["dataset"]),
            side=order.resolution or own_side(space, architecture, order.network),
            cache_dir=context.cache_dir,
            validate=False,
        )
        images = replace(images, **_pixels(context, order))
        checkpoints = JobCheckpoints(context)
        context.on_event("training", total=order.steps, message=f"{len(images.train):,} images")
        teaching = _taught(context, payload, order, images, catalog, checkpoints)
    trained = _trained(context, payload, order, images, checkpoints, teaching)

    def step(what: str) -> None:
        if context.should_stop():
            raise JobStopped
        if what:
            context.on_event("bundle", message=what)

    bundle = make_bundle(
        trained.weights,
        images,
        _origin(order, trained, images, teaching),
        step=step,
        should_stop=context.should_stop,
    )
    step("keeping the bundle")
    weights, content = (context.blobs().put(each) for each in (trained.weights, bundle.content))
    for key in (CHECKPOINT, *(("teacher",) if order.teacher else ())):
        checkpoints.drop(key)
    context.on_event("bundled", done=order.steps, message=_described(bundle.card))
    found = TrainedNetwork(str(payload["network"]), weights, content, bundle.card)
    result = {
        "network": found.network_id,
        "weights": f"sha256:{weights}",
        "bundle": f"sha256:{content}",
        "card": bundle.card,
    }
    return Outcome(JobState.SUCCEEDED, result, trained=found)


def _pixels(context: JobContext, order: NetworkOrder) -> dict[str, Any]:
    """``mean`` and ``std`` of pixels as the weights to start from had them; nothing for new ones."""
    if order.start == PRETRAINED:
        from networks.pretrained.inherit import PIXELS

        return {"mean": PIXELS[0], "std": PIXELS[1]}
    if order.weights is None:
        return {}
    from networks.training.checkpoint import read_weights

    about, _ = read_weights(context.blobs().get(order.weights))
    return {name: tuple(about[name]) for name in ("mean", "std")}


def _taught(
    context: JobContext,
    payload: Mapping[str, Any],
    order: NetworkOrder,
    images: "ImageSet",
    catalog: "ImageCatalog",
    checkpoints: JobCheckpoints,
) -> "tuple[Teacher, dict[str, Any]] | None":
    """The teacher, and what the card says of it; None where none is asked for."""
    if not order.teacher:
        return None
    from workers.teacher import teacher_of

    def say(key: str, content: bytes, place: "Place") -> None:
        _save(checkpoints, key, content, place, order.recipe.epochs, 0)

    space, name = str(payload["space"]), str(payload["dataset"])
    return teacher_of(context, space, name, order, images, catalog, checkpoints, say)


def _save(
    checkpoints: JobCheckpoints, key: str, content: bytes, place: "Place", epochs: int, before: int
) -> None:
    """Keeps a checkpoint and tells how far the training is; ``before`` are the job's steps before it."""
    answer: dict[str, object] = {"epoch": place.epoch, "epochs": epochs, "step": place.step}
    answer["seconds"] = round(place.seconds, 1)
    if place.epoch:
        answer["epoch_seconds"] = round(place.epoch_seconds, 3)
    if place.epochs_done > 0:
        left = place.seconds / place.epochs_done * (epochs - place.epochs_done)
        answer["seconds_left"] = round(left, 1)
    message = f"{'' if key == CHECKPOINT else f'{key}: '}epoch {place.epoch} of {epochs}"
    if place.history:
        last = place.history[-1]
        answer |= {"loss": last["loss"], "train_accuracy": last["accuracy"]}
        message += f": loss {last['loss']:.3f}, {last['accuracy']:.1f} % of the training images"
    if "seconds_left" in answer:
        message += f", {answer['seconds_left']:.0f} s left"
    checkpoints.save(key, content, answer, message, done=before + place.epoch)


def _trained(
    context: JobContext,
    payload: Mapping[str, Any],
    order: NetworkOrder,
    images: "ImageSet",
    checkpoints: JobCheckpoints,
    teaching: "tuple[Teacher, dict[str, Any]] | None",
) -> "Trained":
    """The training, from its last checkpoint."""
    from networks.images.dataset import Part
    from networks.training.rebuild import identity_of
    from networks.training.start import started
    from networks.training.train import TrainingStopped, train

    unseen = replace(images, test=Part(images.test.x[:0], images.test.y[:0]))
    identity = identity_of(
        payload["space"], payload["architecture"], order.training, images, order.seed, order.task
    ) | {"from": order.start}
    if teaching is not None:
        identity["teacher"] = teaching[1]["weights"]
    start = None if order.weights is None else context.blobs().get(order.weights)
    epochs = order.recipe.epochs

    def save(content: bytes, place: "Place") -> None:
        _save(checkpoints, CHECKPOINT, content, place, epochs, 0 if teaching is None else epochs)

    try:
        return train(
            lambda: started(identity, order.start, start, unseen, context.should_stop),
            unseen,
            order.recipe,
            seed=order.seed,
            identity=identity,
            teacher=None if teaching is None else teaching[0].scores,
            checkpoint=checkpoints.load(CHECKPOINT),
            save=save,
            should_stop=context.should_stop,
        )
    except TrainingStopped as stopped:
        raise JobStopped from stopped


def _origin(
    order: NetworkOrder,
    trained: "Trained",
    images: "ImageSet",
    teaching: "tuple[Teacher, dict[str, Any]] | None",
) -> Origin:
    training = {
        "from": order.start,
        "recipe": order.recipe.to_dict(),
        "seed": order.seed,
        "epochs": trained.epochs,
        "images": len(images.train),
        "seconds": round(trained.seconds, 3),
        "device": trained.device,
        "last_epoch": dict(trained.history[-1]),
        **({} if teaching is None else {"teacher": teaching[1]}),
    }
    return Origin(training, order.search, order.predicted)


def _described(card: Mapping[str, Any]) -> str:
    """The accuracies, for people."""
    accuracy = card["accuracy"]
    if accuracy is None:
        return "bundled; there are no test images"
    torch, int8 = accuracy["torch"], accuracy["int8"]
    return (
        f"{torch['percent']:.2f} % of {accuracy['images']:,} test images "
        f"({torch['lower']:.1f} to {torch['upper']:.1f}), int8 {int8['percent']:.2f} %"
    )
