"""Tasks of one's own over HTTP: added, listed, embedded once, removed."""

import io
import zipfile

import numpy as np
import pytest
from api_server import problem
from PIL import Image

from service.operations import uploads


def picture(rng, side=16):
    made = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(made, "PNG")
    return made.getvalue()


@pytest.fixture(scope="module")
def pictures():
    """A zip of two classes of two images each, and one without a label."""
    rng, made = np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("cats/1", "cats/2", "dogs/1", "dogs/2"):
            archive.writestr(f"train/{name}.png", picture(rng))
        archive.writestr("test/1.png", picture(rng))
    return made.getvalue()


def post(server, name, file, **headers):
    form = {"data": {"name": name}, "files": {"file": file}}
    return server.http.post("/v1/tasks", **form, headers=headers, timeout=90)


def test_a_task_is_embedded_once_and_outlived_by_its_embedding(serve, pictures, monkeypatch):
    server = serve()
    answer = post(server, "pets", pictures, **{"Idempotency-Key": "k"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == "/v1/tasks/pets"
    assert (made["task"], made["classes"], made["images"]) == ("pets", 2, 4)
    assert made["left_out"] == {"without a label in test": 1}
    assert (made["embedding"]["source"], made["embedding"]["images"]) == ("images", 4)
    blob = made["embedding"]["digest"].removeprefix("sha256:")
    service = server.app.state.service
    assert service.blobs.exists(blob)

    from encoders.tasks.embedding import TaskEmbedding

    embedding = TaskEmbedding.from_bytes(service.blobs.get(blob))
    assert embedding.classes == ("cats", "dogs") and embedding.version == made["embedding"]["version"]
    # From here on nothing is embedded.
    monkeypatch.setattr(uploads, "pipe_child", None)
    assert (post(server, "pets", pictures).status_code, post(server, "pets", pictures).json()) == (200, made)
    assert post(server, "pets", pictures, **{"Idempotency-Key": "k"}).json() == made
    conflict = post(server, "other", pictures, **{"Idempotency-Key": "k"})
    problem(conflict, 409)
    assert post(server, "again", pictures).json()["embedding"] == made["embedding"]
    listed = server.http.get("/v1/tasks", params={"after": "imagenet", "limit": 2}).json()
    assert [task["name"] for task in listed["tasks"]] == ["pets", "photo"] and listed["has_more"]
    assert server.http.get("/v1/tasks/pets").json()["class_names"] == ["cats", "dogs"]
    assert server.http.delete("/v1/tasks/pets").status_code == 204
    problem(server.http.get("/v1/tasks/pets"), 404)
    problem(server.http.delete("/v1/tasks/pets"), 404)
    assert post(server, "pets", pictures).status_code == 201
    problem(post(server, "pets", pictures + b"\0"), 409)


def test_what_is_no_task_is_refused_with_its_field(server, pictures):
    problem(post(server, "cifar10", pictures), 422, "name")
    problem(post(server, "-x", pictures), 422, "name")
    problem(post(server, "a@b", pictures), 422, "name")
    body = problem(post(server, "x", b"\x1f\x8b" + bytes(1000)), 422, "file")
    assert "neither a zip nor an npz" in body["detail"] and body["errors"][0]["hint"]
    damaged = problem(post(server, "x", b"PK\x03\x04" + bytes(1000)), 422, "file")
    assert "no zip that can be read" in damaged["detail"]
    problem(server.http.post("/v1/tasks", data={"name": "x"}, files={"image": b"PK"}), 422, "image")
    problem(server.http.post("/v1/tasks", files={"file": b"PK"}), 422, "name")
    problem(server.http.post("/v1/tasks", data={"name": "x"}), 415)
    # A form may name a charset, and some of Python's refuse every byte.
    strange = {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}
    form = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--b--\r\n'
    answer = problem(server.http.post("/v1/tasks", content=form, headers=strange), 400)
    assert "UTF-8" in answer["detail"]
    twice = [("name", (None, b"x")), ("file", ("a", pictures)), ("file", ("b", pictures))]
    problem(server.http.post("/v1/tasks", files=twice), 422, "body")
    for asked, field in (
        ({"name": "x"}, "imagenet_classes"),
        ({"name": "x", "imagenet_classes": ["n02085620"]}, "imagenet_classes"),
        ({"name": "x", "imagenet_classes": ["n02085620", "dog"]}, "imagenet_classes[1]"),
        ({"name": "x", "imagenet_classes": ["n02085620", "n00000001"]}, "imagenet_classes[1]"),
        ({"name": "x", "imagenet_classes": ["n02085620", "n02085620"]}, "imagenet_classes[1]"),
        ({"name": 1, "imagenet_classes": ["n02085620", "n02123045"]}, "name"),
        ({"name": "x", "imagenet_classes": ["n02085620", "n02123045"], "tenant": "y"}, "tenant"),
    ):
        problem(server.http.post("/v1/tasks", json=asked), 422, field)
    assert all(task["embedding"] is None for task in server.http.get("/v1/tasks").json()["tasks"])
    problem(server.http.delete("/v1/tasks/cifar10"), 409)
    assert server.http.get("/v1/tasks/cifar10").json()["class_names"] == []


def test_a_reader_that_its_limits_end_is_told_plainly(server, pictures, monkeypatch):
    def ended(*arguments, **options):
        raise uploads.Died("signal 9")

    monkeypatch.setattr(uploads, "pipe_child", ended)
    body = problem(post(server, "x", pictures + b"1"), 422, "file")
    assert "256 MB and 20 s" in body["detail"]


def test_the_more_images_the_longer_an_embedding_may_take(server, monkeypatch):
    rng, made, given = np.random.default_rng(1), io.BytesIO(), {}
    pipe = uploads.pipe_child

    def watched(module, arguments, source, target, *, seconds, **options):
        given[module] = seconds
        if module == "encoders.tasks.embed_upload":
            raise uploads.Refused("seen")
        pipe(module, arguments, source, target, seconds=seconds, **options)

    monkeypatch.setattr(uploads, "pipe_child", watched)
    with zipfile.ZipFile(made, "w") as archive:
        for name in range(40):
            archive.writestr(f"{name}/1.png", picture(rng, 8))
    assert problem(post(server, "x", made.getvalue()), 422, "file")["detail"] == "file: seen"
    assert given["encoders.tasks.embed_upload"] == uploads.EMBED_SECONDS + 40 * uploads.EMBED_SECONDS_AN_IMAGE


def test_uploads_have_a_limit_of_their_own(serve):
    server = serve(max_body_bytes=1000, max_upload_bytes=300_000)
    assert post(server, "x", b"0" * 200_000).status_code == 422
    problem(post(server, "x", b"0" * 400_000), 413)
    big = {"name": "x", "imagenet_classes": ["n02085620"] * 100}
    problem(server.http.post("/v1/tasks", json=big), 413)
    elsewhere = server.http.post("/v1/designs", data={"name": "x"}, files={"file": b"0" * 2000})
    problem(elsewhere, 413)
