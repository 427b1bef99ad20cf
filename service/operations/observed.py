"""Predictors of a declared space's observations, fitted in a child process where that loads torch."""

from predictors.kinds import KINDS
from predictors.predictor import Predictor
from search.declared_models import observed_kind, observed_model
from service.children.child_process import run_child
from spaces.cached import cached_by_space
from spaces.declared.declaration import declaration_text
from spaces.declared.space import DeclaredSpace
from spaces.space import Space

SECONDS = 120.0
"""For a start with torch and the fits; the limit of the call ends it earlier."""
RETRY_AFTER_SECONDS = 5


@cached_by_space(maxsize=1)
def fitted(space: Space, key: str) -> Predictor:
    """The predictor that :func:`search.declared_models.observed_model` fits, once for each space.

    Blocks; call it in a thread.

    Raises:
        Problem: 503 where it takes too long.
    """
    assert isinstance(space, DeclaredSpace)
    kind = observed_kind(space, key)
    if kind != "auto":
        return observed_model(space.name, key)
    order = {"declaration": declaration_text(space.declaration), "key": key}
    data = run_child(
        "search.declared_models", order, seconds=SECONDS, retry_after_seconds=RETRY_AFTER_SECONDS
    )
    return KINDS.get(kind).from_bytes(data, space)
