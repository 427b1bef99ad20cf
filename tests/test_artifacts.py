"""What ships: cards speak of the very bytes, commands make what ships, and no file holds a table's rows."""

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import artifacts
from generator.facts import facts_of
from generator.masked.ship import command
from generator.masked.train import TrainingOptions
from generator.score_sde.train import ScoreTraining
from generator.shipped import score_sde_path, shipped_path, spaces
from spaces.known import get_space, space_names

WEIGHTS = sorted(artifacts.ROOT.rglob("*.safetensors"))
PREDICTORS = sorted((artifacts.ROOT / "predictors").glob("*/*@*.json"))
OWN_VALUES = {"scores/nasbench201.safetensors", "scores/nasbench201-deep.safetensors"}
"""Entries for each function of a space, computed by us at initialization from no table."""


APART = {
    "predictors/gnn/latency_ms@gpu@proteins.json": (86, 95),
    "predictors/nasbench201/latency_ms@fpga.json": (88, 96),
}
"""Coverage of the two models whose errors are so small that a few measurements decide it."""


def named(path: Path) -> str:
    return path.relative_to(artifacts.ROOT).as_posix()


def sha256(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("path", WEIGHTS, ids=named)
def test_a_card_names_the_digest_of_the_bytes(path):
    assert sha256(path) in path.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PREDICTORS, ids=named)
def test_a_predictors_row_names_the_digest_of_the_bytes(path):
    rows = (path.parent / "CARD.md").read_text(encoding="utf-8").splitlines()
    (row,) = [row for row in rows if row.startswith(f"| `{path.stem}` |")]
    assert f"`{sha256(path)[:19]}`" in row


@pytest.mark.parametrize("path", PREDICTORS, ids=named)
def test_a_predictor_is_small_and_its_intervals_hold_as_often_as_they_say(path):
    (row,) = [
        row.split("|")
        for row in (path.parent / "CARD.md").read_text(encoding="utf-8").splitlines()
        if row.startswith(f"| `{path.stem}` |")
    ]
    low, high = APART.get(named(path), (88, 95))
    assert low <= float(row[5]) <= high
    assert path.stat().st_size < 3_000_000


@pytest.mark.parametrize("space", spaces())
def test_the_command_of_a_generators_card_makes_what_ships(space):
    card = shipped_path(space).with_suffix(".md").read_text(encoding="utf-8")
    options = facts_of(card)["options"]
    assert options == asdict(TrainingOptions.of(get_space(space)))
    assert f"`{command(get_space(space), options)}`" in card
    assert command(get_space(space), options) == f"netwright train generator {space}"


def test_a_command_that_does_not_exist_is_not_named():
    options = asdict(TrainingOptions.of(get_space("gnn")))
    assert command(get_space("gnn"), options | {"steps": 7}) == "netwright train generator gnn --steps 7"
    with pytest.raises(ValueError, match="no option"):
        command(get_space("gnn"), options | {"batch": 7})


def test_the_command_of_the_score_networks_card_makes_what_ships():
    card = score_sde_path("nasbench201").with_suffix(".md").read_text(encoding="utf-8")
    assert facts_of(card)["options"] == asdict(ScoreTraining())


@pytest.mark.parametrize("path", sorted((artifacts.ROOT / "encoders").glob("*.md")), ids=named)
def test_the_command_of_an_encoders_card_makes_what_ships(path):
    from encoders.arch2vec.train import TrainingOptions

    card = path.read_text(encoding="utf-8")
    assert facts_of(card)["options"] == asdict(TrainingOptions.of(get_space(path.stem)))


@pytest.mark.parametrize("path", sorted((artifacts.ROOT / "pretrained").glob("*.md")), ids=named)
def test_the_command_of_a_pretrained_networks_card_makes_what_ships(path):
    from encoders.pretrained.train import PretrainingOptions

    assert facts_of(path.read_text(encoding="utf-8"))["options"] == asdict(PretrainingOptions())


def test_make_weights_trains_what_ships_and_nothing_else():
    from encoders.pretrained import train as pretraining
    from predictors.training import ship_devices as train_devices
    from predictors.training import ship_predictors as train

    def shipped(folder: str) -> list[str]:
        return sorted(path.stem for path in (artifacts.ROOT / folder).glob("*.safetensors"))

    assert shipped("generator") == shipped("encoders") == sorted(space_names())
    assert shipped("pretrained") == sorted(pretraining.SPACES)
    assert shipped("devices") == sorted(train_devices.SPACES)
    assert sorted({path.parent.name for path in PREDICTORS}) == sorted(train.SPACES)


def test_figures_of_a_predictors_card_are_those_of_the_bytes(data_dir, tables):
    from predictors.training import ship_predictors as train

    space = get_space("mnasnet")
    rows = (artifacts.ROOT / "predictors" / "mnasnet" / "CARD.md").read_text(encoding="utf-8")
    for column in train._columns(tables, space):
        path = artifacts.ROOT / "predictors" / space.name / f"{column.key}.json"
        found = train._measured(train._Drawn.of(tables, space, column, 0), path)
        # A point for the sums of another processor.
        said = re.search(rf"\| `{re.escape(found.key)}` \| \d+ \| (\S+) \| (\S+) \| (\S+) \|", rows)
        assert said is not None
        assert abs(float(said[1]) - found.kendall_tau) < 0.01
        assert abs(float(said[2]) - found.r2) < 0.01
        assert abs(float(said[3]) - found.coverage_percent) < 1
        if column.key == "accuracy@imagenet":
            # On the authors' split to evaluate on; nothing of it was learned, and no constant chosen on it.
            assert found.evaluated == 511
            assert found.kendall_tau >= 0.925 and found.r2 >= 0.985


ROWS = {"nasbench201": 15_625, "gnn": 26_206, "mnasnet": 4_626, "fbnet": 5_000, "ofa_mobilenetv3": 5_000}
"""Architectures of the spaces' tables."""
MOST = {"tasks": 1283, "predictors": 801, "devices": 1024}
"""Inducing points, features, trees, or numbers of a task's vector: what is learned is over these."""


def lengths(path: Path) -> list[int]:
    """The longest axis of each array in a file; of several arrays written one after the other, of each."""
    found: list[int] = []

    def walk(value: object) -> None:
        if isinstance(value, list):
            found.append(len(value))
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(each)

    if path.suffix == ".json":
        walk(json.loads(path.read_text(encoding="utf-8")))
        return found
    with safe_open(path, framework="np") as file:
        about = json.loads((file.metadata() or {}).get("about", "{}"))
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (no mapping)
        if "shapes" in about:
            assert shapes.pop("numbers") == [sum(int(np.prod(shape)) for shape in about["shapes"].values())]
            shapes |= about["shapes"]
        walk(about)
    return [*found, *(max(shape, default=1) for shape in shapes.values())]


def test_every_arrays_length_is_found(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"weights": np.zeros((1500, 18))}, path, {"about": json.dumps({"names": ["a", "b"]})})
    assert sorted(lengths(path)) == [2, 1500]
    (tmp_path / "x.json").write_text(json.dumps({"a": [{"b": [1, 2, 3]}]}))
    assert sorted(lengths(tmp_path / "x.json")) == [1, 3]


@pytest.mark.parametrize("path", [*WEIGHTS, *PREDICTORS], ids=named)
def test_no_array_has_an_entry_for_an_architecture_of_a_table(path):
    """What is learned from a table is written over features or inducing points, not over its rows."""
    if named(path) in OWN_VALUES:
        return
    longest, folder = max(lengths(path)), named(path).partition("/")[0]
    assert longest not in ROWS.values() and longest < min(ROWS.values())
    assert longest <= MOST.get(folder, longest)


def test_readings_of_graph_data_sets_cannot_be_told_back(tables):
    """What ships says no more of the architectures it learned from than of the others."""
    if (reason := tables.available("gnn", "accuracy@cora")) is not None:
        pytest.skip(reason)
    from predictors.training.ship_tasks import read_graphs_back
    from predictors.transfer import graph_tasks

    found = read_graphs_back(tables, graph_tasks.shipped())
    assert {row.labels for row in found} == {13_103}
    assert all(abs(row.inside - row.outside) <= 0.02 for row in found)


def test_accuracies_of_the_pairs_cannot_be_told_back():
    """As measured when the weights were trained: leaving cells out takes minutes."""
    card = (artifacts.ROOT / "tasks" / "nasbench201.md").read_text(encoding="utf-8")
    inside, outside = (
        float(re.search(rf"accuracies read back, cells {words} \| (\S+) \|", card)[1])
        for words in ("learned from", "left out")
    )
    assert abs(inside - outside) <= 0.02
