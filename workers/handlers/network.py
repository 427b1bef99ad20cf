"""Training one architecture on all training images, and its bundle: what a person takes away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from networks.export.bundle.origin import Origin
from networks.images.limits import BadImages
from networks.plan import own_side
from networks.training.order import BUNDLE_STEPS, NetworkOrder
from networks.training.start import PRETRAINED
from store.jobs.job import JobState
from store.jobs.place import PLACE
from store.networks.network import TrainedNetwork
from workers.checkpoints import JobCheckpoints
from workers.datasets import images_of
from workers.handlers import JobContext, JobStopped, Outcome, handles

if TYPE_CHECKING:
    from networks.images.dataset import ImageSet
    from networks.training.checkpoint import Place
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
    from networks.pretrained.inherit import PIXELS

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
    if order.start == PRETRAINED:
        images = replace(images, mean=PIXELS[0], std=PIXELS[1])
    checkpoints = JobCheckpoints(context)
    trained = _trained(context, payload, order, images, checkpoints)

    def step(what: str) -> None:
        if context.should_stop():
            raise JobStopped
        if what:
            context.on_event("bundle", message=what)

    bundle = make_bundle(
        trained.weights,
        images,
        _origin(order, trained, images),
        step=step,
        should_stop=context.should_stop,
    )
    step("keeping the bundle")
    weights, content = (context.blobs().put(each) for each in (trained.weights, bundle.content))
    checkpoints.drop(CHECKPOINT)
    context.on_event("bundled", done=order.recipe.epochs + BUNDLE_STEPS, message=_described(bundle.card))
    found = TrainedNetwork(str(payload["network"]), weights, content, bundle.card)
    result = {
        "network": found.network_id,
        "weights": f"sha256:{weights}",
        "bundle": f"sha256:{content}",
        "card": bundle.card,
    }
    return Outcome(JobState.SUCCEEDED, result, trained=found)


def _trained(
    context: JobContext,
    payload: Mapping[str, Any],
    order: NetworkOrder,
    images: "ImageSet",
    checkpoints: JobCheckpoints,
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
    start = None if order.weights is None else context.blobs().get(order.weights)
    epochs = order.recipe.epochs
    context.on_event("training", total=epochs + BUNDLE_STEPS, message=f"{len(images.train):,} images")

    def save(content: bytes, place: "Place") -> None:
        answer: dict[str, object] = {"epoch": place.epoch, "epochs": epochs, "step": place.step}
        answer["seconds"] = round(place.seconds, 1)
        if place.epoch:
            answer["epoch_seconds"] = round(place.epoch_seconds, 3)
        if place.epochs_done > 0:
            left = place.seconds / place.epochs_done * (epochs - place.epochs_done)
            answer["seconds_left"] = round(left, 1)
        message = f"epoch {place.epoch} of {epochs}"
        if place.history:
            last = place.history[-1]
            answer |= {"loss": last["loss"], "train_accuracy": last["accuracy"]}
            message += f": loss {last['loss']:.3f}, {last['accuracy']:.1f} % of the training images"
        if "seconds_left" in answer:
            message += f", {answer['seconds_left']:.0f} s left"
        checkpoints.save(CHECKPOINT, content, answer, message, done=place.epoch)

    try:
        return train(
            lambda: started(identity, order.start, start, unseen, context.should_stop),
            unseen,
            order.recipe,
            seed=order.seed,
            identity=identity,
            checkpoint=checkpoints.load(CHECKPOINT),
            save=save,
            should_stop=context.should_stop,
        )
    except TrainingStopped as stopped:
        raise JobStopped from stopped


def _origin(order: NetworkOrder, trained: "Trained", images: "ImageSet") -> Origin:
    training = {
        "from": order.start,
        "recipe": order.recipe.to_dict(),
        "seed": order.seed,
        "epochs": trained.epochs,
        "images": len(images.train),
        "seconds": round(trained.seconds, 3),
        "device": trained.device,
        "last_epoch": dict(trained.history[-1]),
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
