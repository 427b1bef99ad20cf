"""Encoders beside their published figures: reconstruction, prior samples, distances, search; scores.

Row ids: 8 arch2vec, on every space present; ``scores-…`` the zero-cost proxies' rank correlations.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.published import Publication
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from spaces.known import get_space, space_names
from spaces.space import Floats, Space

PROTOCOL = """\
arch2vec trained on nine tenths of a space's architectures (50,000 drawn where it cannot be enumerated), no
labels; the shipped weights, seed 0. Reconstruction: held-out architectures whose whole graph is read back
from the latents' means. Prior: 1,000 latents of independent normal coordinates with the training latents'
mean and standard deviation at each node (Yan et al.), along the principal axes; the most likely operations
and edges are read, nothing is taken as known; unique counts distinct architectures over all 1,000
(published: over valid ones of 10,000). correlated: the latents' full covariance instead. edit: Spearman
correlation of Euclidean distance and number of differing slots among held-out architectures. agreement: mean
cosine between what encoders of two seeds say of an architecture, coordinates as they are and relative to 64
anchors. search: 40 evaluations on AnalogNAS-Bench (CIFAR-10, fp32), a Gaussian process on the mean vectors
against random search, best accuracy found. Scores: small networks at initialization, Spearman correlation
with the accuracy of all 15,625 cells; no score has seen a table."""

PAPER = Publication("Yan et al.", 2020, "arch2vec, NeurIPS, Table 1")
ABDELFATTAH = Publication("Abdelfattah et al.", 2021, "zero-cost proxies, ICLR, table of NAS-Bench-201")
PUBLISHED_SCORES = {"synflow": 0.74, "grad_norm": 0.58, "snip": 0.58, "jacob_cov": 0.73}
"""Spearman correlation with CIFAR-10 accuracy."""
EVALUATIONS = 40
SOURCES = {"cifar10": "NAS-Bench-201", "cifar100": "NAS-Bench-201", "cifar10-fp32": "AnalogNAS-Bench"}


@comparison("encoders", protocol=PROTOCOL, seeds=20, full_seeds=100)
def encoders(context: Context) -> Sequence[Row]:
    """arch2vec on every space, then search, agreement between seeds, and the scores."""
    rows: list[Row] = []
    names = space_names()
    for done, name in enumerate(names, start=1):
        found = context.once(
            f"evaluate {name}, {len(context.seeds)} draws", evaluated, name, len(context.seeds)
        )
        rows += _evaluated_rows(name, found)
        context.progress(done, len(names), name)
    rows += _search_rows(context)
    agreement = context.once("agreement", agreement_of_seeds, "nasbench201")
    rows += [
        Row.measured(f"8-nasbench201-agreement-{kind}", value, "cosine", statement="one pair of encoders")
        for kind, value in agreement.items()
    ]
    return rows + _score_rows(context.tables)


def evaluated(name: str, draws: int) -> dict[str, list[float]]:
    """The shipped encoder's figures: reconstruction, prior samples of so many seeds, correlations."""
    from encoders.arch2vec.encoder import load_encoder
    from encoders.arch2vec.quality import edit_correlation, prior_samples, reconstruction
    from encoders.arch2vec.train import TrainingOptions, split

    encoder = load_encoder(name)
    _, held_out = split(encoder.space, TrainingOptions.of(encoder.space), seed=0)
    plain, together = (
        [prior_samples(encoder, seed=seed, correlated=correlated) for seed in range(draws)]
        for correlated in (False, True)
    )
    return {
        "held-out": [float(len(held_out))],
        "reconstruction": [reconstruction(encoder, held_out)],
        "valid": [drawn.valid for drawn in plain],
        "unique": [drawn.unique for drawn in plain],
        "unique-of-valid": [drawn.unique_of_valid for drawn in plain],
        "correlated-valid": [drawn.valid for drawn in together],
        "correlated-unique": [drawn.unique for drawn in together],
        "edit-mean": [edit_correlation(encoder, held_out, "mean", seed=0)],
        "edit-nodes": [edit_correlation(encoder, held_out, "nodes", seed=0)],
    }


def _evaluated_rows(name: str, found: dict[str, list[float]]) -> list[Row]:
    goals = {"reconstruction": ">= 99.9", "valid": ">= 95", "unique": ">= 90"}
    reported = {"reconstruction": 100.0, "valid": 79.41, "unique-of-valid": 98.72}
    published = {kind: PAPER.reports(value) for kind, value in reported.items()}
    if name != "nasbench201":
        goals, published = {}, {}
    (held_out,) = found["held-out"]
    rows = [
        Row.share(
            f"8-{name}-reconstruction",
            round(found["reconstruction"][0] / 100 * held_out),
            int(held_out),
            over="held-out architectures",
            goal=goals.get("reconstruction"),
            evaluated_on=NO_TABLE,
            published=published.get("reconstruction"),
        )
    ]
    for kind in ("valid", "unique", "unique-of-valid", "correlated-valid", "correlated-unique"):
        rows.append(
            Row.measured(
                f"8-{name}-{kind}",
                found[kind],
                "%",
                over="draws of 1,000",
                goal=goals.get(kind),
                evaluated_on=NO_TABLE,
                published=published.get(kind),
            )
        )
    for kind in ("edit-mean", "edit-nodes"):
        statement = "20,000 pairs, drawn once"
        rows.append(Row.measured(f"8-{name}-{kind}", found[kind][0], "Spearman", statement=statement))
    return rows


def _search_rows(context: Context) -> list[Row]:
    """Search by the mean vectors, by one-hot codes, and at random; how far the first is ahead of the last."""
    runs = len(context.seeds)
    best = context.once(f"{runs} searches", search_runs, context.tables, runs)
    rows = [
        Row.measured(f"8-nasbench201-search-{kind}", values, "%", source="AnalogNAS-Bench")
        for kind, values in best.items()
    ]
    return [
        *rows,
        Row.ahead(
            "8-nasbench201-search-ahead-of-random",
            best["latent"],
            best["random"],
            "points",
            pairs=False,
            evaluated_on=["nasbench201/accuracy@cifar10-fp32"],
            source="AnalogNAS-Bench",
        ),
    ]


def search_runs(tables: Tables, runs: int) -> dict[str, list[float]]:
    """The best accuracy found in each run."""
    from encoders.arch2vec.encoder import embed
    from encoders.features import features
    from experiments.predictors.latent_search import latent_search, random_search

    space = get_space("nasbench201")
    codes = space.enumerate()
    values = tables.values(space.name, "accuracy@cifar10-fp32", codes)
    vectors = {
        "latent": embed(space, codes),
        "latent-nodes": embed(space, codes, "nodes"),
        "one-hot": features(space, codes, kinds=["onehot"]),
    }
    found = {
        kind: [
            float(latent_search(each, values, evaluations=EVALUATIONS, seed=seed).max())
            for seed in range(runs)
        ]
        for kind, each in vectors.items()
    }
    random = [float(random_search(values, evaluations=EVALUATIONS, seed=seed).max()) for seed in range(runs)]
    return found | {"random": random}


def agreement_of_seeds(name: str) -> dict[str, float]:
    """How alike the shipped encoder and one of another seed are, raw and relative to anchors."""
    from encoders.arch2vec.anchors import relative_coordinates
    from encoders.arch2vec.encoder import load_encoder
    from encoders.arch2vec.train import train_encoder

    space: Space = get_space(name)
    pair = [load_encoder(name), train_encoder(space, seed=1)]
    codes = space.sample(2000, np.random.default_rng(7))
    raw = [encoder.embed(codes, "nodes").astype(np.float64) for encoder in pair]
    seen = [relative_coordinates(encoder, codes).astype(np.float64) for encoder in pair]
    return {"raw": mean_cosine(*raw), "relative": mean_cosine(*seen)}


def mean_cosine(first: Floats, second: Floats) -> float:
    """Mean over rows of the cosine between two arrays (b, d), columns centered."""
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / lengths).mean())


def _score_rows(tables: Tables) -> list[Row]:
    """Every score's rank correlation with the official accuracies and with AnalogNAS-Bench's fp32."""
    from scipy.stats import spearmanr

    from encoders.proxies.table import score_names, scores

    space = get_space("nasbench201")
    codes = space.enumerate()
    values, rows = scores(space, codes), list[Row]()
    for task in ("cifar10", "cifar100", "cifar10-fp32"):
        reason = tables.available(space.name, f"accuracy@{task}")
        for name, column in zip(score_names(space), values.T, strict=True):
            reported = PUBLISHED_SCORES.get(name) if task == "cifar10" else None
            published = None if reported is None else ABDELFATTAH.reports(reported)
            source = SOURCES[task]
            row = f"scores-{name}-{task}"
            if reason is not None:
                rows.append(Row.absent(row, reason, "Spearman", published=published, source=source))
                continue
            truth = tables.values(space.name, f"accuracy@{task}", codes)
            found = float(spearmanr(column, truth).statistic)
            rows.append(Row.exact(row, found, "Spearman", published=published, source=source))
    return rows
