"""``netwright tasks`` and the client: from a folder of images to a task, and plain errors on the way."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from netwright.cli import app
from netwright.client.client import ApiError, Client
from netwright.client.uploads import packed
from service.operations import uploads


@pytest.fixture
def run(server, monkeypatch):
    """Runs a command against a server."""
    monkeypatch.setenv("NETWRIGHT_URL", server.url)

    def invoke(*arguments, status=0):
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == status, result.output + repr(result.exception)
        return result

    return invoke


@pytest.fixture
def quick(monkeypatch):
    """Uploads are read, and not embedded: tests/service/test_tasks.py does that."""
    monkeypatch.setattr(uploads, "_embed", lambda service, *order, images: service.blobs.put(b"embedding"))


@pytest.fixture
def folder(tmp_path):
    """Two class folders, of 45 images and of one."""
    for name, count in (("cats", 45), ("dogs", 1)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(count):
            Image.new("L", (8, 8), index).save(tmp_path / "pets" / name / f"{index:02}.png")
    (tmp_path / "pets" / "notes.txt").write_text("x")
    return tmp_path / "pets"


def test_a_folder_is_sent_as_a_few_images_of_each_class(folder):
    with zipfile.ZipFile(io.BytesIO(packed(folder))) as archive:
        names = archive.namelist()
    assert len(names) == 21 and names[0] == "cats/00.png" and names[19:] == ["cats/44.png", "dogs/00.png"]
    (folder / "dogs" / "00.png").unlink()
    with pytest.raises(ValueError, match="class folders"):
        packed(folder)


def test_add_show_list_remove(run, folder, server, quick):
    added = json.loads(run("tasks", "add", "pets", str(folder), "--json").stdout)
    assert (added["task"], added["classes"], added["images"]) == ("pets", 2, 21)
    assert "pets" in run("tasks", "add", "pets", str(folder)).stdout  # the same again, from the cache
    assert "uploaded: 21 images" in run("tasks", "list").stdout
    assert "classes: cats, dogs" in run("tasks", "show", "pets").stdout
    assert json.loads(run("tasks", "show", "pets", "--json").stdout)["class_names"] == ["cats", "dogs"]
    with Client(server.url) as client:
        again = client.add_task("more", folder)
        assert again["embedding"] == added["embedding"]
    assert json.loads(run("tasks", "remove", "pets", "--json").stdout) == {"removed": "pets"}
    run("tasks", "show", "pets", status=2)


def test_errors_name_the_field(run, tmp_path, server):
    assert "file:" in run("tasks", "add", "x", __file__, status=2).stderr
    assert (
        "imagenet_classes[1]"
        in run("tasks", "add", "x", "--imagenet", "n02123045", "--imagenet", "n00000001", status=2).stderr
    )
    run("tasks", "add", "x", status=2)
    run("tasks", "add", "x", str(tmp_path / "nothing.zip"), status=2)
    labels = io.BytesIO()
    np.savez(labels, x=np.zeros((2, 8, 8), dtype=np.uint8), y=np.zeros(2, dtype=int))
    with Client(server.url) as client:
        with pytest.raises(ApiError, match="2 to 1,000 classes"):
            client.add_task("x", labels.getvalue())
        with pytest.raises(ValueError, match="one of them"):
            client.add_task("x")
