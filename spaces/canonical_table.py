"""All strings of a small space, so that thousands are read and written by look-up."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spaces.space import Codes


class CanonicalTable:
    """Every architecture of a space with its canonical string.

    Args:
        codes: (m, v), canonical, each architecture once.
        strings: the canonical string of each.
    """

    def __init__(self, codes: Codes, strings: Sequence[str]) -> None:
        self.codes = codes
        self._strings = np.array(strings, dtype=object)
        self._rows = {text: row for row, text in enumerate(strings)}

    def read(self, texts: Sequence[str]) -> Codes | None:
        """Codes (b, v) of canonical strings; None where one of them is none."""
        rows = [self._rows.get(text, -1) for text in texts]
        if -1 in rows:
            return None
        return self.codes[rows].reshape(len(rows), self.codes.shape[1])

    def strings(self, rows: NDArray[np.int64]) -> list[str]:
        """The strings of architectures by their row (b,)."""
        found: list[str] = self._strings[rows].tolist()
        return found
