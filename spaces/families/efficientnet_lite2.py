"""Networks inside EfficientNet-Lite2: :mod:`spaces.families.efficientnet_lite` with a larger backbone."""

from spaces.families.efficientnet_lite import LITE2, LiteSpace
from spaces.known import SPACES


@SPACES.register
class EfficientNetLite2(LiteSpace):
    """The 1.3·10¹⁷ members inside EfficientNet-Lite2: 1.2·10¹⁶ networks at 11 resolutions.

    The space is there where the package of the backbone's weights is installed.
    """

    name = "efficientnet_lite2"
    title = "Networks inside EfficientNet-Lite2"
    backbone = LITE2
    example = (
        "r96|k3_e6|k3_e4|skip|k5_e6|k5_e4|skip|k3_e6|k3_e4|k3_e4|skip|k5_e6|k3_e4|skip|skip"
        "|k5_e6|k5_e4|k5_e4|skip|skip|k3_e6"
    )
    description = (
        "Image classifiers that begin with the weights of EfficientNet-Lite2: a resolution, and six stages "
        "of which depth, kernels and expansions vary. No table holds measurements."
    )
