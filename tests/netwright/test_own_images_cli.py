"""A design for own images: names, epochs, the table of baselines, and a command that finds its job again."""

import pytest
import typer

from netwright.cli.baselines import print_baselines
from netwright.cli.own_images import _named as named
from netwright.cli.own_images import add_images, ordered_once, with_usual_epochs
from netwright.client.client import Client

ORDER = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "constraints": [{"metric": "params_m", "max": 0.5}],
    "count": 2,
}


def test_the_same_command_finds_its_job_again_unless_it_was_cancelled(server, capsys):
    with Client(server.url) as client:
        first = ordered_once(client, ORDER)
        assert ordered_once(client, ORDER).id == first.id
        assert ordered_once(client, ORDER | {"seed": 1}).id != first.id
        first.cancel()
        again = ordered_once(client, ORDER)
        assert again.id != first.id and ordered_once(client, ORDER).id == again.id
        with pytest.raises(typer.BadParameter, match="does not exist"):
            add_images(client, "no-such-folder")


def test_a_data_set_and_a_device_are_named_as_their_files(tmp_path):
    (tmp_path / "My photos").mkdir()
    assert named(f"{tmp_path}/My photos/", "images")[0] == "My-photos"
    for file, name in (("phone.csv", "phone"), ("photos.tar.gz", "photos"), ("set.1.zip", "set.1")):
        assert named(str(tmp_path / file), "device") == (name, tmp_path / file)
    assert named(f"pixel=/x/{'a' * 3}.csv", "device")[0] == "pixel"
    with pytest.raises(typer.BadParameter, match="NAME="):
        named("/x/….csv", "device")


def test_few_epochs_are_usual_and_what_is_said_stays():
    order = {"evaluations": 6, "evaluator": "training", "evaluator_options": {}, "finish": 1, "recipe": None}
    made = with_usual_epochs(order)
    assert made["evaluator_options"] == {"training": {"recipe": {"epochs": 3}}}
    assert made["finish_options"] == {"recipe": {"epochs": 10}}
    said = {"training": {"recipe": {"epochs": 9, "batch_size": 8}}}
    said = with_usual_epochs(order | {"evaluator_options": said, "finish_options": {"recipe": {"epochs": 7}}})
    assert said["evaluator_options"]["training"]["recipe"] == {"epochs": 9, "batch_size": 8}
    assert said["finish_options"] == {"recipe": {"epochs": 7}}
    searched = with_usual_epochs(order | {"recipe": {"epochs": [3, 6]}})
    assert searched["evaluator_options"] == {} and "finish_options" not in searched


def test_the_table_says_that_the_plain_backbone_wins(capsys):
    latency = {"mean": 12.5, "lower": 11.0, "upper": 14.0, "source": "predicted"}
    compared = {
        "backbone": "EfficientNet-Lite0", "resolution": 96, "message": "the plain backbone wins: …",
        "metrics": {"latency_ms@phone": latency},
        "linear_probe": {"accuracy": 70.0, "test_accuracy": 69.0},
        "fine_tuned": {"accuracy": 75.0, "test_accuracy": 74.0},
        "found": {"accuracy": 73.0, "test_accuracy": 72.0, "architecture": "a"},
    }  # fmt: skip
    rows = [{"architecture": "a", "metrics": {"latency_ms@phone": latency | {"mean": 9.5}}}]
    print_baselines({"baselines": compared, "architectures": rows}, [], None)
    shown = capsys.readouterr().out
    assert "wins" in shown and "12.5 [11, 14]" in shown and "9.5 [11, 14]" in shown
    print_baselines({"baselines": None}, [], None)
    print_baselines({"baselines": {"backbone": None, "message": "outside the bounds"}}, [], None)
    assert "no baseline: outside the bounds" in capsys.readouterr().out
