"""Data sets: three forms give the same images; what is damaged, hostile or too large is refused."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from networks.images import decode, source
from networks.images.dataset import load_images, size_of
from networks.images.limits import BadImages
from networks.images.names import names, open_source
from tests.networks.training import data


def test_folder_and_tar_hold_the_same_images(tmp_path):
    content = data.files()
    data.folder_of(tmp_path, "a", content)
    data.tar_of(tmp_path, "b.tar.xz", content)
    data.tar_of(tmp_path, "c.tar", {f"top/{path}": item for path, item in content.items()}, "w")
    sets = [load_images(tmp_path, name) for name in "abc"]
    assert sets[0].classes == ("class0", "class1", "class2") and sets[0].side == 8
    assert (len(sets[0].train), len(sets[0].validation), len(sets[0].test)) == (10, 2, 12)
    assert len({each.digest for each in sets}) == 1
    assert {size_of(tmp_path, name) for name in "abc"} == {(3, 8)}


def test_npz_keeps_parts_and_labels_together(tmp_path):
    data.npz(tmp_path)
    x, y = data.pictures(60)
    loaded = load_images(tmp_path, "tiny")
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (48, 12, 20)
    known = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    for part in (loaded.train, loaded.validation):
        assert [known[np.ascontiguousarray(image).tobytes()] for image in part.x] == part.y.tolist()
    assert names(tmp_path) == ["tiny"]
    assert size_of(tmp_path, "tiny") == (3, 8)
    data.npz(tmp_path, classes=5, side=12)
    assert size_of(tmp_path, "tiny") == (5, 12), "another file of the same name"


def test_no_image_is_in_two_parts_and_a_subset_is_always_the_same(tmp_path):
    data.npz(tmp_path)
    first, again = (load_images(tmp_path, "tiny", images=30) for _ in range(2))
    assert first.digest == again.digest != load_images(tmp_path, "tiny").digest
    assert len(first.train) + len(first.validation) == 30 and len(first.test) == 20
    seen = {image.tobytes() for part in (first.train, first.validation, first.test) for image in part.x}
    assert len(seen) == 50


def test_channels_are_those_of_the_training_images(tmp_path):
    data.npz(tmp_path)
    loaded = load_images(tmp_path, "tiny", side=6)
    assert loaded.train.x.shape[1:] == (6, 6, 3)
    np.testing.assert_allclose(loaded.mean, loaded.train.x.mean(axis=(0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(loaded.std, loaded.train.x.std(axis=(0, 1, 2)), atol=1e-3)


def test_images_of_other_shapes_are_scaled_and_cut_to_the_resolution(tmp_path):
    content = {}
    for index, size in enumerate([(9, 17), (20, 8), (8, 8), (31, 30)]):
        file = io.BytesIO()
        Image.new("L", size, 40 * index).save(file, "JPEG")
        content[f"class{index % 2}/{index}.jpg"] = file.getvalue()
    data.folder_of(tmp_path, "mixed", content)
    loaded = load_images(tmp_path, "mixed", side=8)
    assert loaded.train.x.shape[1:] == (8, 8, 3) and len(loaded.test) == 0
    with pytest.raises(BadImages, match="resolution"):
        load_images(tmp_path, "mixed")


def test_the_cache_changes_nothing_and_notices_a_change(tmp_path):
    data.npz(tmp_path / "images")
    plain = load_images(tmp_path / "images", "tiny")
    cached = [load_images(tmp_path / "images", "tiny", cache_dir=tmp_path) for _ in range(2)]
    assert {each.digest for each in cached} == {plain.digest}
    (file,) = (tmp_path / "images").glob("*.npy")
    file.write_bytes(b"damaged")
    assert load_images(tmp_path / "images", "tiny", cache_dir=tmp_path).digest == plain.digest
    data.npz(tmp_path / "images", count=61)
    assert load_images(tmp_path / "images", "tiny", cache_dir=tmp_path).digest != plain.digest


@pytest.mark.parametrize("name", ["../tiny", "/tiny", "", ".", "a/b", "absent", "tiny\n", "x" * 200, "link"])
def test_only_names_under_the_folder_are_opened(tmp_path, name):
    data.npz(tmp_path)
    inner = data.npz(tmp_path / "images", "own")
    (inner / "link").symlink_to(tmp_path)
    with pytest.raises(BadImages, match="no data set"):
        open_source(inner, name)


def npz_with(path, **arrays):
    np.savez(path, **arrays)


X, Y = data.pictures(12)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X},
        {"x": X, "y": Y[:-1]},
        {"x": X.astype(np.float32) - 130.5, "y": Y},
        {"x": X[..., :2], "y": Y},
        {"x": X, "y": Y * 0},
        {"x": X, "y": Y + 0.5},
        {"x": np.array([None] * 12, dtype=object), "y": Y},
        {"x": X, "y": np.array([None] * 12, dtype=object)},
    ],
)
def test_a_wrong_npz_is_refused_and_no_pickle_is_read(tmp_path, arrays):
    np.savez(tmp_path / "bad.npz", allow_pickle=True, **arrays)
    with pytest.raises(BadImages, match=r"bad\.npz"):
        load_images(tmp_path, "bad")


def test_damaged_files_are_refused(tmp_path):
    content = data.files()
    (tmp_path / "text.npz").write_bytes(b"no zip")
    (tmp_path / "text.tar.xz").write_bytes(b"no tar")
    data.tar_of(tmp_path, "cut.tar.xz", content)
    (tmp_path / "cut.tar.xz").write_bytes((tmp_path / "cut.tar.xz").read_bytes()[:-600])
    data.folder_of(tmp_path, "torn", content | {"train/class0/000.png": b"\x89PNG\r\n\x1a\nrest"})
    data.folder_of(tmp_path, "one", {"class0/a.png": next(iter(content.values()))})
    for name in ("text", "cut", "torn", "one"):
        with pytest.raises(BadImages):
            load_images(tmp_path, name)
    (tmp_path / "text.npz").unlink()
    with pytest.raises(BadImages, match="tar"):
        load_images(tmp_path, "text")


def test_too_much_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    data.folder_of(tmp_path, "many", data.files())
    data.npz(tmp_path)
    monkeypatch.setattr(decode, "MAX_PIXELS", 63)
    with pytest.raises(BadImages, match="too many"):
        load_images(tmp_path, "many")
    monkeypatch.undo()
    monkeypatch.setattr(source, "MAX_BYTES", 1000)
    for name in ("many", "tiny"):
        with pytest.raises(BadImages):
            load_images(tmp_path, name)


def test_links_in_an_archive_or_folder_are_left_out(tmp_path):
    content = data.files(parts=("",))
    data.tar_of(tmp_path, "t.tar", content, "w")
    with tarfile.open(tmp_path / "t.tar", "a") as archive:
        link = tarfile.TarInfo("class0/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    data.folder_of(tmp_path, "f", content)
    (tmp_path / "f" / "class0" / "link.png").symlink_to("/etc/passwd")
    for name in ("t", "f"):
        assert len(open_source(tmp_path, name).entries) == len(content)


def test_a_fifth_is_set_apart_by_content_whatever_the_files_are_called(tmp_path):
    content = data.files(count=60, parts=("",))
    data.folder_of(tmp_path, "a", content)
    renamed = {
        f"{path.rpartition('/')[0]}/x{len(content) - n:03}.png": c
        for n, (path, c) in enumerate(content.items())
    }
    data.zip_of(tmp_path, "b.zip", renamed)
    data.tar_of(tmp_path, "c.tar", content, "w")
    sets = [load_images(tmp_path, name) for name in "abc"]
    small = load_images(tmp_path, "a", side=6, cache_dir=tmp_path / "cache")
    again = load_images(tmp_path, "a", side=6, cache_dir=tmp_path / "cache")
    assert len({each.test.digest() for each in sets}) == 1 and {each.test_by for each in sets} == {"digest"}
    counts = [int((sets[0].test.y == label).sum()) for label in range(3)]
    whole = [len([path for path in content if path.startswith(f"class{label}/")]) for label in range(3)]
    assert counts == [round(0.2 * count) for count in whole]
    assert sorted(small.test.y) == sorted(sets[0].test.y) and small.digest == again.digest
    seen = {image.tobytes() for part in (sets[0].train, sets[0].validation) for image in part.x}
    assert not seen & {image.tobytes() for image in sets[0].test.x}
    assert load_images(tmp_path, "a", validate=False).test.digest() == sets[0].test.digest()


def test_copies_of_an_image_lie_on_one_side(tmp_path):
    content = data.files(count=30, parts=("",))
    copies = content | {path.replace(".png", " copy.png"): item for path, item in content.items()}
    data.folder_of(tmp_path, "twice", copies)
    loaded = load_images(tmp_path, "twice")
    assert len(loaded.test) % 2 == 0 and len(loaded.test) >= 10
    seen = {image.tobytes() for part in (loaded.train, loaded.validation) for image in part.x}
    assert not seen & {image.tobytes() for image in loaded.test.x}


def test_all_but_the_test_images_are_for_a_network_that_is_taken_away(tmp_path):
    data.npz(tmp_path)
    part, whole = load_images(tmp_path, "tiny"), load_images(tmp_path, "tiny", validate=False)
    assert (len(whole.train), len(whole.validation), whole.test_by) == (60, 0, "makers")
    assert whole.test.digest() == part.test.digest() and whole.mean != part.mean
    three = data.files(count=12, parts=("train", "val", "test"))
    data.folder_of(tmp_path, "three", three)
    assert len(load_images(tmp_path, "three", validate=False).train) == 24
