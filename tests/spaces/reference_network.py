"""A slow network of convolutions that only counts: reference for costs that are computed by tables.

It runs the layers one by one on tensors that know their size; Python's reference counts decide what is alive.
"""


class Tensor:
    """A tensor that is alive as long as something refers to it."""

    def __init__(self, network, channels, side):
        self.network, self.channels, self.side = network, channels, side
        self.bytes = 4 * channels * side * side
        network.live += self.bytes
        network.peak = max(network.peak, network.live)

    def __del__(self):
        self.network.live -= self.bytes


class Network:
    """Counts what its layers cost. A layer takes its input out of a list, so that nobody else holds it."""

    def __init__(self):
        self.params = self.macs = self.activations = self.pooled = self.depth = 0
        self.live = self.peak = 0

    def image(self, side):
        return [Tensor(self, 3, side)]

    def convolution(self, taken, outputs, kernel, stride=1, groups=1):
        """With batch norm; every output pixel is the sum over a window of the channels of its group."""
        (given,) = taken
        side = len(range(0, given.side, stride))
        assert given.channels % groups == outputs % groups == 0
        window = kernel * kernel * (given.channels // groups)
        self.params += outputs * window + 2 * outputs
        self.macs += outputs * side * side * window
        self.activations += outputs * side * side
        self.depth += 1
        made = [Tensor(self, outputs, side)]
        del given
        taken.clear()
        return made

    def shuffle(self, taken):
        made = [Tensor(self, taken[0].channels, taken[0].side)]
        taken.clear()
        return made

    def squeeze_excite(self, taken, squeezed):
        channels, side = taken[0].channels, taken[0].side
        vector = Tensor(self, channels, 1)
        self.pooled += channels * side * side + channels
        for outputs in (squeezed, channels):
            self.params += vector.channels * outputs + outputs
            self.macs += vector.channels * outputs
            vector = Tensor(self, outputs, 1)
        return taken  # scaled in place

    def classifier(self, taken, classes):
        (given,) = taken
        self.pooled += given.channels * given.side**2 + given.channels
        vector = Tensor(self, given.channels, 1)
        del given
        taken.clear()
        self.params += vector.channels * classes + classes
        self.macs += vector.channels * classes
        self.depth += 1
        return [Tensor(self, classes, 1)]

    def inverted_residual(
        self, taken, outputs, kernel, stride, expansion, expands=True, groups=1, squeezed=0
    ):
        inputs = taken[0].channels
        shortcut = list(taken) if stride == 1 and inputs == outputs else []
        inner = inputs * expansion
        if expands:
            taken = self.convolution(taken, inner, 1, groups=groups)
        if groups > 1:
            taken = self.shuffle(taken)
        taken = self.convolution(taken, inner, kernel, stride, groups=inner)
        if squeezed:
            taken = self.squeeze_excite(taken, squeezed)
        taken = self.convolution(taken, outputs, 1, groups=groups)
        shortcut.clear()  # added in place
        return taken

    def statistics(self):
        return {
            "params_m": self.params / 1e6,
            "macs_m": self.macs / 1e6,
            "peak_memory_mb": self.peak / 1e6,
            "depth": self.depth,
            "activations_m": self.activations / 1e6,
        }
