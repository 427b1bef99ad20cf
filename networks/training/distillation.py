r"""Distillation: a network learns from another one's answers too (Hinton et al., 2015).

.. math:: (1 - a)\, H(y, p) + a\, T^2\, \mathrm{KL}(q_T \,\|\, p_T)

where :math:`p_T, q_T` are the softmax of the student's and the teacher's scores divided by the temperature.
Both see the same augmented images, so that the teacher answers for what the student sees (Beyer et al., CVPR
2022).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

TEMPERATURE, SHARE = 4.0, 0.9
"""T and a: "a considerably lower weight" for the labels, as the paper has it; not tuned."""


def distilled(scores: Tensor, taught: Tensor, of_labels: Tensor) -> Tensor:
    """The loss.

    Args:
        scores: of the student, (b, classes).
        taught: of the teacher, (b, classes).
        of_labels: the student's loss by the labels.

    >>> scores, taught = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> round(float(distilled(scores, taught, torch.tensor(2.0))), 6)
    0.2
    """
    kl = nn.functional.kl_div(
        nn.functional.log_softmax(scores / TEMPERATURE, dim=1),
        nn.functional.log_softmax(taught / TEMPERATURE, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - SHARE) * of_labels + SHARE * TEMPERATURE**2 * kl


class Teacher:
    """A trained network that answers for the student's images.

    Args:
        network: in evaluation mode.
        side: of the images that it was trained on, in pixels.
        own: mean and standard deviation of each channel by which its pixels were normalized.
        students: the same of the student's.
    """

    def __init__(
        self,
        network: nn.Module,
        side: int,
        own: tuple[Sequence[float], Sequence[float]],
        students: tuple[Sequence[float], Sequence[float]],
    ) -> None:
        self.network, self.side = network.eval(), side
        mean, std, before_mean, before_std = (torch.tensor(each).view(3, 1, 1) for each in (*own, *students))
        self._scale, self._shift = before_std / std, (before_mean - mean) / std

    def scores(self, x: Tensor) -> Tensor:
        """Scores (b, classes) of the student's normalized images (b, 3, h, w), without gradients."""
        self.network.to(x.device)
        with torch.no_grad():
            x = x * self._scale.to(x.device) + self._shift.to(x.device)
            if x.shape[-1] != self.side:
                size = (self.side, self.side)
                x = nn.functional.interpolate(x, size=size, mode="bilinear", antialias=True)
            found: Tensor = self.network(x)
            return found
