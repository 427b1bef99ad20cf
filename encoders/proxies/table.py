"""Zero-cost proxies looked up: computed once for every function that a space's architectures compute.

The shipped file holds our own computed values, one row for each isomorphism key, nothing from a benchmark
table. Loading it needs no torch.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

import artifacts
from encoders.training_free.kind import Features
from spaces.mixed_radix import index_of
from spaces.space import Codes, Space

FORMAT = "netwright-scores-1"
LIMIT = 4.0
"""Standardized scores end here; a network that cannot learn lies at minus this."""


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """Scores that are computed and ship together.

    Args:
        names: of the scores, in the order of the columns (k,).
        small: on the space's reduced skeleton (:mod:`networks.build`); else on the one that is trained.
        images: how many the networks are shown.
        suffix: what follows the space in the file's name.
    """

    names: tuple[str, ...]
    small: bool
    images: int
    suffix: str = ""


SMALL = ScoreSet(("grad_norm", "jacob_cov", "naswot", "snip", "synflow", "zen"), True, 32)
"""What every predictor sees, and all searches but RoBoT."""
DEEP = ScoreSet(("fisher", "grad_norm", "grasp", "jacob_cov", "snip", "synflow"), False, 16, "-deep")
"""The six that RoBoT combines (He et al. 2024), on the skeleton that they were published for. Predictors of
few labels see them too."""


class NoScores(ValueError):
    """No scores ship for this space, or the file is damaged; not worth a retry."""


@dataclass(frozen=True, slots=True)
class Classes:
    """The functions that a space's architectures compute.

    Args:
        keys: isomorphism keys, sorted, (c,).
        codes: of each the architecture with the fewest parameters, the first of several, (c, v): it holds no
            operation that cannot reach the output.
        rows: the class of every architecture in the order of ``Space.enumerate``, (size,).
    """

    keys: tuple[str, ...]
    codes: Codes
    rows: NDArray[np.int64]


@lru_cache(maxsize=4)
def classes(space: Space) -> Classes:
    """The classes of a space that can be enumerated.

    Raises:
        ValueError: where it cannot.
    """
    architectures = space.enumerate()
    names = [space.isomorphism_key(codes) for codes in architectures]
    keys, rows = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    order = np.lexsort((np.arange(len(architectures)), space.statistics(architectures)["params_m"], rows))
    firsts = order[np.searchsorted(rows[order], np.arange(len(keys)))]
    return Classes(tuple(keys.tolist()), architectures[firsts], rows.astype(np.int64))


def class_of(space: Space, codes: Codes) -> NDArray[np.int64]:
    """The rows (b,) in :func:`classes` of what canonical codes (b, v) compute.

    Raises:
        ValueError: where the space cannot be enumerated.
    """
    found: NDArray[np.int64] = classes(space).rows[_places(space)[index_of(codes, space.variables)]]
    return found


def smallest(space: Space, codes: Codes) -> Codes:
    """The architectures with the fewest parameters that compute the same functions as canonical codes (b, v).

    Raises:
        ValueError: where the space cannot be enumerated.
    """
    found: Codes = classes(space).codes[class_of(space, codes)]
    return found


def save_scores(
    space: Space, names: tuple[str, ...], values: NDArray[np.float32], path: Path, *, seed: int
) -> str:
    """Writes scores (c, k) in the order of :func:`classes`; returns the file's digest."""
    about = {
        "format": FORMAT,
        "space": space.name,
        "names": names,
        "seed": seed,
        "keys": _keys_digest(classes(space)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # One entry: the library writes several in an order of its own, and the digest would change.
    save_file({"values": values}, path, {"about": json.dumps(about)})
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def read_scores(path: Path, space: Space) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names (k,) and values (c, k) that :func:`save_scores` wrote; minus infinity where nothing is learned.

    Raises:
        NoScores: for a missing or damaged file, another space's, or one whose classes are not today's.
    """
    try:
        with safe_open(path, framework="np") as file:
            about = json.loads((file.metadata() or {})["about"])
            values: NDArray[np.float32] = file.get_tensor("values")
        names = tuple(about["names"])
        known = classes(space)
        expected = (FORMAT, space.name, _keys_digest(known))
        if tuple(about[field] for field in ("format", "space", "keys")) != expected:
            raise NoScores(f"{path.name} holds no {FORMAT} scores of {space.name}'s classes")
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError, OSError) as error:
        raise NoScores(f"{path.name} cannot be read: {error}") from error
    if values.shape != (len(known.keys), len(names)) or np.isnan(values).any():
        raise NoScores(f"{path.name} holds {values.shape} numbers, some of them missing or too many")
    return names, values


def shipped_path(space_name: str, wanted: ScoreSet = SMALL) -> Path:
    """Where the shipped scores of a space lie."""
    return artifacts.ROOT / "scores" / f"{space_name}{wanted.suffix}.safetensors"


def ships(space_name: str, wanted: ScoreSet = SMALL) -> bool:
    """Whether scores of a space ship."""
    return shipped_path(space_name, wanted).is_file()


def score_names(space: Space, wanted: ScoreSet = SMALL) -> tuple[str, ...]:
    """Names of the columns of :func:`scores`, (k,).

    Raises:
        NoScores: where none ship.
    """
    _shipped(space, wanted)
    return wanted.names


def scores(space: Space, codes: Codes, wanted: ScoreSet = SMALL) -> Features:
    """Standardized scores (b, k) of canonical codes (b, v).

    Each score is centered at its median over the space's classes, divided by the standard deviation that a
    normal distribution with its interquartile range has, and cut at ±:data:`LIMIT`. Scores that span orders
    of magnitude are logarithms already.

    Raises:
        NoScores: where none ship.

    >>> from spaces.known import get_space
    >>> space = get_space("nasbench201")
    >>> scores(space, space.enumerate()[:2]).shape
    (2, 6)
    """
    table = _shipped(space, wanted)
    found: Features = (
        table[class_of(space, codes)] if len(codes) else np.empty((0, len(wanted.names)), dtype=np.float32)
    )
    return found


def scaled_scores(space: Space, codes: Codes) -> NDArray[np.float64]:
    """What RoBoT combines of canonical codes (b, v): scores (b, k), each scaled to [0, 1] over the space.

    0 where a network does not learn at all.

    Raises:
        NoScores: where none ship.
    """
    values = _read(space, DEEP)
    finite = np.where(np.isfinite(values), values.astype(np.float64), np.nan)
    low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    table = np.nan_to_num((finite - low) / np.maximum(high - low, 1e-12), nan=0.0)
    found: NDArray[np.float64] = table[class_of(space, codes)]
    return found


def standardized(values: NDArray[np.float32]) -> Features:
    """What :func:`scores` says of raw values (c, k)."""
    finite = np.where(np.isfinite(values), values.astype(np.float64), np.nan)
    low, middle, high = np.nanquantile(finite, [0.25, 0.5, 0.75], axis=0)
    scale = np.maximum((high - low) / 1.349, 1e-6)  # the interquartile range of a standard normal
    result: Features = np.clip((values - middle) / scale, -LIMIT, LIMIT).astype(np.float32)
    return result


@lru_cache(maxsize=4)
def _shipped(space: Space, wanted: ScoreSet) -> Features:
    return standardized(_read(space, wanted))


def _read(space: Space, wanted: ScoreSet) -> NDArray[np.float32]:
    names, values = read_scores(shipped_path(space.name, wanted), space)
    if names != wanted.names:
        raise NoScores(f"the shipped file of {space.name} holds {', '.join(names)}")
    return values


@lru_cache(maxsize=4)
def _places(space: Space) -> NDArray[np.int64]:
    """For every combination of choices its place among the architectures; −1 where it is none."""
    codes = space.enumerate()
    places = np.full(int(np.prod([len(v.choices) for v in space.variables])), -1, dtype=np.int64)
    places[index_of(codes, space.variables)] = np.arange(len(codes))
    return places


def _keys_digest(known: Classes) -> str:
    return hashlib.sha256("\n".join(known.keys).encode()).hexdigest()
