"""What convolution layers cost: parameters, multiply-accumulates, activations and memory, counted exactly.

Conventions. A convolution has no bias and is followed by a batch norm with weight and bias; norm and
activation are fused into it. It makes one new tensor, which is alive from the step that makes it to the last
that reads it. A sum is added in place into the tensor made for it, a scaling is done in place. Squeeze-excite
(Hu et al., CVPR 2018) reads its tensor into a vector, maps that to a shorter one and back, both with biases
and without batch norms, and scales the tensor. A channel shuffle copies its tensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Cost:
    """What a part of a network costs, for one image.

    Args:
        params: trainable numbers, batch norms and biases included.
        macs: multiply-accumulates of convolutions and linear layers.
        activations: elements that convolutions with a batch norm put out.
        pooled: elements that average poolings read and make.
        depth: convolutions and linear layers one behind another; those of squeeze-excite lie beside.
        peak: most elements alive at once.
    """

    params: int = 0
    macs: int = 0
    activations: int = 0
    pooled: int = 0
    depth: int = 0
    peak: int = 0

    @classmethod
    def total(cls, parts: Sequence["Cost"]) -> Self:
        """The cost of parts that run one after another."""
        return cls(
            params=sum(part.params for part in parts),
            macs=sum(part.macs for part in parts),
            activations=sum(part.activations for part in parts),
            pooled=sum(part.pooled for part in parts),
            depth=sum(part.depth for part in parts),
            peak=max((part.peak for part in parts), default=0),
        )


def strided(side: int, stride: int) -> int:
    """The side of what a layer makes: the image is padded so that only the stride makes it smaller.

    >>> strided(224, 2), strided(33, 2)
    (112, 17)
    """
    return -(-side // stride)


def convolution(inputs: int, outputs: int, kernel: int, stride: int, side: int, groups: int = 1) -> Cost:
    """A convolution with its batch norm, as a whole step.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the window.
        stride: 1 or 2.
        side: of the square image that comes in.
        groups: of channels.

    >>> convolution(3, 32, 3, 2, 224)
    Cost(params=928, macs=10838016, activations=401408, pooled=0, depth=1, peak=551936)
    """
    weights = kernel**2 * inputs // groups * outputs
    made = outputs * strided(side, stride) ** 2
    return Cost(
        params=weights + 2 * outputs,
        macs=weights * strided(side, stride) ** 2,
        activations=made,
        depth=1,
        peak=inputs * side**2 + made,
    )


def classifier(channels: int, side: int, classes: int) -> Cost:
    """The mean over the image and a linear layer with bias."""
    return Cost(
        params=(channels + 1) * classes,
        macs=channels * classes,
        pooled=channels * (side**2 + 1),
        depth=1,
        peak=max(channels * (side**2 + 1), channels + classes),
    )


@dataclass(frozen=True, slots=True)
class InvertedResidual:
    """A layer of MobileNetV2 (Sandler et al., CVPR 2018): expand by 1×1, k×k depthwise, narrow by 1×1.

    Where it keeps side and channels, its input is added to its output, and stays alive until then.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the depthwise window.
        stride: of the depthwise convolution, 1 or 2.
        side: of the square image that comes in.
        expansion: inner channels for each input channel.
        expands: whether there is a 1×1 convolution in front.
        groups: of channels in both 1×1 convolutions; with several, a channel shuffle follows the first.
        squeezed: length of squeeze-excite's short vector; 0 where there is none.
    """

    inputs: int
    outputs: int
    kernel: int
    stride: int
    side: int
    expansion: int
    expands: bool = True
    groups: int = 1
    squeezed: int = 0

    def cost(self) -> Cost:
        """The layer's cost."""
        inner, small = self.inputs * self.expansion, strided(self.side, self.stride)
        parts = [
            convolution(inner, inner, self.kernel, self.stride, self.side, inner),
            convolution(inner, self.outputs, 1, 1, small, self.groups),
        ]
        if self.expands:
            parts.insert(0, convolution(self.inputs, inner, 1, 1, self.side, self.groups))
        if self.squeezed:
            weights = 2 * inner * self.squeezed
            parts.append(Cost(weights + inner + self.squeezed, macs=weights, pooled=inner * (small**2 + 1)))
        return Cost.total([*parts, Cost(peak=self._peak())])

    def _peak(self) -> int:
        """Most elements alive at once, going through the steps."""
        inner = self.inputs * self.expansion
        given, wide = self.inputs * self.side**2, inner * self.side**2
        narrow, made = (size * strided(self.side, self.stride) ** 2 for size in (inner, self.outputs))
        held = given if self.stride == 1 and self.inputs == self.outputs else 0
        alive = [held + narrow + made]
        if self.expands:
            alive += [given + wide, held + wide + narrow]
        else:
            alive.append(given + narrow)
        if self.groups > 1:
            alive.append(held + 2 * wide)
        if self.squeezed:
            alive.append(held + narrow + inner + self.squeezed)
        return max(alive)
