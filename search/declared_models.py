"""Predictors of what a declared space's own observations measured.

As a program (``python -m search.declared_models``) it reads one order as JSON and writes the fitted model's
bytes: a process that must not load torch starts it as a child.
"""

import json
import sys

from predictors.kinds import KINDS
from predictors.predictor import Predictor
from spaces.cached import cached_by_space
from spaces.declared.space import DeclaredSpace, declare
from spaces.known import get_space
from spaces.space import Space

MIN_LABELS = 5
"""Fewer observations of a quantity make no predictor."""
BLENDED = 100
"""Most labels of a blend of kinds, whose cross-fitting takes seconds; trees alone learn from more in one."""


def observed_keys(space: Space) -> tuple[str, ...]:
    """Keys of the quantities that a space's observations are enough to predict; none but in declared ones."""
    if not isinstance(space, DeclaredSpace):
        return ()
    return tuple(key for key, (codes, _) in space.labels.items() if len(codes) >= MIN_LABELS)


def observed_kind(space: Space, key: str) -> str:
    """The kind that learns the observations of a quantity; ``auto`` loads torch while it is fitted."""
    assert isinstance(space, DeclaredSpace)
    return "auto" if len(space.labels[key][0]) <= BLENDED else "gbdt"


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
    return KINDS.get(observed_kind(space, key))(space, task=task, seed=0).fit(codes, values)


def main() -> None:
    """Answers an order on standard input: the text of a declaration, and the quantity's key."""
    sys.stdout = sys.stderr  # nothing but the model goes to standard output
    order = json.load(sys.stdin)
    data = observed_model(declare(order["declaration"]).name, order["key"]).to_bytes()
    with open(1, "wb", closefd=False) as out:
        out.write(data)


if __name__ == "__main__":
    main()
