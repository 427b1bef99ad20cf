"""The images of a job, by the name of their data set."""

from typing import TYPE_CHECKING

from networks.images.limits import BadImages
from workers.handlers import JobContext

if TYPE_CHECKING:
    from networks.images.dataset import ImageSet


def images_of(context: JobContext, name: str, *, side: int | None, validate: bool) -> "ImageSet":
    """A data set of this worker, decoded; see :func:`networks.images.dataset.load_images`.

    Raises:
        BadImages: there is none of the name here, or it cannot be used.
    """
    from networks.images.dataset import load_images

    if context.images is None:
        raise BadImages("there are no images: NETWRIGHT_IMAGES is not set on this worker")
    return load_images(context.images, name, side=side, cache_dir=context.cache_dir, validate=validate)
