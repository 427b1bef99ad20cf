"""Predictions of models of other tasks in the space, as a group of features: transfer between tasks."""

import base64
from collections.abc import Sequence

import numpy as np

from predictors.kinds.gbdt import GbdtPredictor
from spaces.space import Codes, Floats, Space


def predictions_of(sources: Sequence[GbdtPredictor], codes: Codes) -> Floats:
    """Their predictions for codes (b, v) as normal scores, which need no other standard, (b, sources)."""
    columns = [source.scored(codes)[0] for source in sources]
    found: Floats = np.stack(columns, axis=1) / np.sqrt(len(sources))
    return found


def sources_to_text(sources: Sequence[GbdtPredictor]) -> list[str]:
    """Their bytes as text."""
    return [base64.b64encode(source.to_bytes()).decode() for source in sources]


def sources_of_text(texts: Sequence[str], space: Space) -> tuple[GbdtPredictor, ...]:
    """What :func:`sources_to_text` wrote.

    Raises:
        DamagedModel: for anything else; TypeError or ValueError where it is no text of bytes.
    """
    return tuple(GbdtPredictor.from_bytes(base64.b64decode(text), space) for text in texts)
