"""Zero-cost proxies as features; only for spaces whose scores ship, and in no default set."""

from encoders.proxies.table import DEEP, score_names, scores
from encoders.training_free.kind import FeatureKind, Features, register
from spaces.space import Codes, Space


@register
class Scores(FeatureKind):
    """Zero-cost proxies of the network at initialization, standardized; see :mod:`encoders.proxies.table`.

    Both methods raise :class:`encoders.proxies.table.NoScores` for a space without scores.
    """

    name = "scores"
    of_network = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``score:synflow`` and so on."""
        return tuple(f"score:{name}" for name in score_names(space))

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, number of scores)."""
        return scores(space, codes)


@register
class DeepScores(FeatureKind):
    """The same of the network that is trained, with other scores; only where these ship."""

    name = "deep_scores"
    of_network = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``deep_score:fisher`` and so on."""
        return tuple(f"deep_score:{name}" for name in score_names(space, DEEP))

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, number of scores)."""
        return scores(space, codes, DEEP)
