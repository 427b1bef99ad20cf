"""The architectures of a declared space: which there are, how many, and uniform draws from them.

Conditions and rules look at some of the variables. Where these have few joint choices, all are tried once:
each that is allowed has as many architectures as its other variables have joint choices, so that they are
counted exactly and drawn without rejection. Where they have too many, only the conditions' are tried, draws
that break a rule are drawn again, and the count is an estimate.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from spaces.expression.evaluate import Computed, Formula
from spaces.space import Bools, Codes

MAX_JOINT = 2**20
"""Joint choices of the variables that rules look at, tried one by one."""
MAX_CONTROLS = 2**16
"""The same of the variables that conditions look at."""
ESTIMATE = 2**14
LEAST_SHARE = 0.1
"""Rules that cannot be tried must admit this share of what they do not forbid."""
_CHUNK = 2**16

Failing = Callable[[str, Codes], None]
"""Told of a condition or rule that has no value: why, and the codes (v,) of an example."""


def _ignored(why: str, codes: Codes) -> None:
    """Says nothing."""


class NoArchitectures(ValueError):
    """Too many joint choices to be tried, or too few that are allowed; the message says which."""


class Architectures:
    """Counting and drawing.

    Args:
        sizes: choices of each variable (v,), without ``absent``.
        conditions: when each variable is present; None for always. They look at variables that always are.
        rules: what architectures satisfy.
        columns: that the conditions, and that the rules look at.
        failing: raises; called for a condition or rule without a value.

    Raises:
        NoMembers: see there.
    """

    def __init__(
        self,
        sizes: NDArray[np.int64],
        conditions: Sequence[Formula | None],
        rules: Sequence[Formula],
        columns: tuple[frozenset[int], frozenset[int]],
        failing: Failing,
    ) -> None:
        self.sizes = sizes
        self.conditions = tuple(conditions)
        self.rules = tuple(rules)
        self._failing = failing
        controls, ruled = columns
        self._controls = sorted(controls)
        self._control_sizes = tuple(sizes[self._controls].tolist())
        if prod(self._control_sizes) > MAX_CONTROLS:
            raise NoArchitectures("the variables that conditions look at have too many joint choices")
        self.presence = self._present_by_control()
        self._tried = sorted(controls | ruled)
        self.counted = prod(sizes[self._tried].tolist()) <= MAX_JOINT
        if not self.counted:
            self._tried = sorted(controls)
        self._allowed: Bools | None = None
        self._try()
        self.size = self._total
        if not self.counted:
            self.size = self._estimated()
        # From now on a draw whose rule has no value is one that breaks it.
        self._failing = _ignored

    @property
    def memory_bytes(self) -> int:
        """Memory of its tables."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    # which variables are present
    def present(self, codes: Codes) -> Bools:
        """Which variables (b, v) are present, by what the conditions say of codes (b, v)."""
        if not self._controls:
            return np.ones(codes.shape, dtype=bool)
        present: Bools = self.presence[self._control_rows(codes)]
        return present

    def _control_rows(self, codes: Codes) -> NDArray[np.int64]:
        """The row (b,) of :attr:`presence` that holds for codes (b, v)."""
        if not self._controls:
            return np.zeros(len(codes), dtype=np.int64)
        chosen = tuple(codes[:, self._controls].T.astype(np.int64))
        rows: NDArray[np.int64] = np.ravel_multi_index(chosen, self._control_sizes, mode="clip")
        return rows

    def _present_by_control(self) -> Bools:
        """What is present for every joint choice of the variables that conditions look at, (p, v)."""
        count = prod(self._control_sizes)
        codes = np.zeros((count, len(self.sizes)), dtype=np.int8)
        if self._controls:
            codes[:, self._controls] = np.stack(
                np.unravel_index(np.arange(count), self._control_sizes), axis=1
            )
        result = np.ones(codes.shape, dtype=bool)
        for column, condition in enumerate(self.conditions):
            if condition is not None:
                result[:, column] = self._computed(condition, codes)
        return result

    def canonical(self, codes: Codes) -> Codes:
        """The codes with ``absent`` wherever a variable is not present."""
        result: Codes = np.where(self.present(codes), codes, self.sizes).astype(np.int8)
        return result

    def obeys(self, codes: Codes) -> Bools:
        """Whether canonical codes (b, v) satisfy every rule, (b,)."""
        if self._allowed is not None:
            tried = codes[:, self._tried].astype(np.int64)
            tried[tried == self.sizes[self._tried]] = 0
            found: Bools = self._allowed[np.ravel_multi_index(tuple(tried.T), self._shape, mode="clip")]
            return found
        fine = np.ones(len(codes), dtype=bool)
        for rule in self.rules:
            fine[fine] = self._computed(rule, codes[fine])
        return fine

    def _computed(self, formula: Formula, codes: Codes) -> Bools:
        computed: Computed = formula(codes)
        if computed.failed.any():
            row = int(np.flatnonzero(computed.failed)[0])
            self._failing(computed.reason(row) or "", codes[row])
        values: Bools = computed.values.astype(bool) & (computed.failed == 0)
        return values

    # counting
    def _try(self) -> None:
        """Every joint choice of the conditions' variables: whether it is allowed, and its number of
        architectures."""
        sizes = self.sizes[self._tried]
        self._shape = tuple(sizes.tolist())
        others = np.setdiff1d(np.arange(len(self.sizes)), self._tried)
        total = prod(sizes.tolist())
        allowed = np.zeros(total, dtype=bool)
        # Of the few rows of the conditions, not of all that are tried: sorting rows holds Python's lock.
        known, of_control = np.unique(self.presence[:, others], axis=0, return_inverse=True)
        of_control = of_control.reshape(-1).astype(np.min_scalar_type(len(known)))
        kept, patterns = [], []
        for start in range(0, total, _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, total))
            codes = np.zeros((len(rows), len(self.sizes)), dtype=np.int8)
            if self._tried:
                codes[:, self._tried] = np.stack(np.unravel_index(rows, sizes), axis=1)
            present = self.present(codes)
            # A variable that is not present has one form, not one a choice.
            once = np.all(present | (codes == 0), axis=1)
            codes = np.where(present, codes, self.sizes).astype(np.int8)[once]
            if self.counted:
                fine = self.obeys(codes)
                codes = codes[fine]
                allowed[rows[once][fine]] = True
            kept.append(codes[:, self._tried])
            patterns.append(of_control[self._control_rows(codes)])
        self._rows = np.concatenate(kept)
        self._pattern = np.concatenate(patterns)
        self._patterns, self._others = known, others
        counts = np.bincount(self._pattern, minlength=len(known)).tolist()
        ways = [prod(self.sizes[others][row].tolist()) for row in known]
        self._total = sum(count * way for count, way in zip(counts, ways, strict=True))
        if self._total == 0:
            raise NoArchitectures("no combination of choices satisfies the rules")
        shares = np.array([way / self._total for way in ways])
        self._cumulative = np.cumsum(shares[self._pattern])
        self._allowed = allowed if self.counted and self._tried else None

    def _estimated(self) -> int:
        """The count where rules were not tried, from the share of draws that they admit."""
        share = float(self.obeys(self._draw(ESTIMATE, np.random.default_rng(0))).mean())
        if share < LEAST_SHARE:
            raise NoArchitectures(
                f"the rules look at {MAX_JOINT:,} joint choices or more and admit {share:.1%} of them; "
                f"{LEAST_SHARE:.0%} is needed"
            )
        return int(self._total * share)

    # drawing
    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Architectures drawn uniformly with replacement, (count, v)."""
        if self.counted:
            return self._draw(count, rng)
        parts: list[Codes] = [self._draw(0, rng)]
        while (missing := count - sum(map(len, parts))) > 0:
            drawn = self._draw(min(2 * missing + 64, _CHUNK), rng)
            parts.append(drawn[self.obeys(drawn)][:missing])
        return np.concatenate(parts)

    def _draw(self, count: int, rng: np.random.Generator) -> Codes:
        """Uniform over all that was tried and allowed, times the other variables' choices."""
        rows = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1], side="right")
        rows = np.minimum(rows, len(self._rows) - 1)
        codes = np.empty((count, len(self.sizes)), dtype=np.int8)
        codes[:, self._tried] = self._rows[rows]
        drawn = rng.integers(0, self.sizes[self._others], size=(count, len(self._others)))
        codes[:, self._others] = np.where(
            self._patterns[self._pattern[rows]], drawn, self.sizes[self._others]
        )
        return codes

    def enumerate(self) -> Codes:
        """Every architecture once, (size, v), in a fixed order; only where they are counted and few."""
        parts = []
        for row, pattern in zip(self._rows, self._patterns[self._pattern], strict=True):
            sizes = np.where(pattern, self.sizes[self._others], 1)
            ways = prod(sizes.tolist())
            codes = np.empty((ways, len(self.sizes)), dtype=np.int8)
            codes[:, self._tried] = row
            if len(self._others):
                choices = np.stack(np.unravel_index(np.arange(ways), sizes), axis=1)
                codes[:, self._others] = np.where(pattern, choices, self.sizes[self._others])
            parts.append(codes)
        return np.concatenate(parts)
