"""Predictors of what a declared space's own observations measured."""

from predictors.kinds import KINDS
from predictors.predictor import Predictor
from spaces.declared.space import DeclaredSpace
from spaces.space import Space, cached_by_space, get_space

MIN_LABELS = 5
"""Fewer observations of a quantity make no predictor."""
BLENDED = 100
"""Most labels of a blend of kinds, whose cross-fitting takes seconds; trees alone learn from more in one."""


def observed_keys(space: Space) -> tuple[str, ...]:
    """Keys of the quantities that a space's observations are enough to predict; none but in declared ones."""
    if not isinstance(space, DeclaredSpace):
        return ()
    return tuple(key for key, (codes, _) in space.labels.items() if len(codes) >= MIN_LABELS)


def observed_model(space_name: str, key: str) -> Predictor:
    """A predictor fitted to the observations of a quantity, once a process.

    Args:
        space_name: of a declared space, which holds a digest of its observations.
        key: one of :func:`observed_keys`.
    """
    return _fitted(get_space(space_name), key)


@cached_by_space(maxsize=1)
def _fitted(space: Space, key: str) -> Predictor:
    assert isinstance(space, DeclaredSpace)
    codes, values = space.labels[key]
    task = key.partition("@")[2] or None
    kind = "auto" if len(values) <= BLENDED else "gbdt"
    return KINDS.get(kind)(space, task=task, seed=0).fit(codes, values)
