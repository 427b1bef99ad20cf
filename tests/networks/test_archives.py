"""Images as people have them: one table of what is in an archive and what is right, for all who read them.

Each row is read as a task (the sample of an upload), as an uploaded data set (what is said of it, and the
sample that makes it a task), and as a data set to train on from a folder, a zip and a tar. All must see the
same classes, the same images of each, and the same pixels.
"""

import io
import struct
import tarfile
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from networks.images.describe import describe
from networks.images.describe import write_sample as write_dataset_sample
from networks.images.limits import BadImages
from networks.images.names import open_source
from networks.images.read import write_sample
from networks.images.sample import Head, read_images
from tests.networks.training import data


def shade(value, side=8):
    """A PNG of one grey."""
    return data.png(np.full((side, side, 3), value, dtype=np.uint8))


def files(*paths, start=0):
    return {path: shade(start + number) for number, path in enumerate(paths)}


def saved(image, form, **options):
    made = io.BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def each(pattern, *names, count=2):
    return files(*(pattern.format(name, number) for name in names for number in range(count)))


TWO = {"cats": 2, "dogs": 2}

# name → files, images of each class by split
LAYOUTS = {
    "class folders": (each("{}/{}.png", "cats", "dogs"), {"train": TWO}),
    "a folder around them": (each("set/images/{}/{}.png", "cats", "dogs"), {"train": TWO}),
    "splits": (
        each("train/{}/{}.png", "cats", "dogs") | each("test/{}/{}.png", "cats", "dogs"),
        {"train": TWO, "test": TWO},
    ),
    "splits in capitals, otherwise called": (
        each("set/Training/{}/{}.png", "cats", "dogs") | each("set/Testing/{}/{}.png", "cats", "dogs"),
        {"train": TWO, "test": TWO},
    ),
    "validation beside val": (
        each("train/{}/{}.png", "cats", "dogs")
        | each("val/{}/a{}.png", "cats", "dogs")
        | each("Validation-Set/{}/b{}.png", "cats", "dogs"),
        {"train": TWO, "validation": {"cats": 4, "dogs": 4}},
    ),
    "a test split without labels": (
        each("train/{}/{}.png", "cats", "dogs") | files("test/1.png", "test/2.png"),
        {"train": TWO},
    ),
    "a test split of a folder of unknown": (
        each("train/{}/{}.png", "cats", "dogs") | files("test/unknown/1.png"),
        {"train": TWO},
    ),
    "images beside the splits": (
        each("train/{}/{}.png", "cats", "dogs") | files("logo.png", "docs/picture.png"),
        {"train": TWO},
    ),
    "splits within classes": (
        each("{}/train/{}.png", "cats", "dogs") | each("{}/test/{}.png", "cats", "dogs", count=1),
        {"train": TWO, "test": {"cats": 1, "dogs": 1}},
    ),
    "a class that is called train": (
        each("{}/{}.png", "car", "train", "plane"),
        {"train": {"car": 2, "train": 2, "plane": 2}},
    ),
    "years within classes": (
        each("{}/1.png", "cats/2022", "cats/2023", "dogs/2022", "dogs/2023", count=1),
        {"train": TWO},
    ),
    "images within classes, as tiny ImageNet has them": (
        each("train/{}/images/{}.JPEG", "n01443537", "n01629819"),
        {"train": {"n01443537": 2, "n01629819": 2}},
    ),
    "a class with folders beside one without": (
        each("{}/{}.png", "cats/indoors", "cats/outdoors", count=1) | each("{}/{}.png", "dogs"),
        {"train": TWO},
    ),
    "hidden, notebook, system and editor files": (
        each("{}/{}.png", "cats", "dogs")
        | files(".ipynb_checkpoints/1.png", "cats/.ipynb_checkpoints/0-checkpoint.png", "cats/._0.png")
        | files("__MACOSX/cats/._0.png", "@eaDir/cats/0.png", "dogs/0.png~", "cats/.DS_Store")
        | {"Thumbs.db": b"x", "cats/desktop.ini": b"x", "readme.txt": b"x", ".git/config": b"x"},
        {"train": TWO},
    ),
    "letters of all kinds": (
        each("{}/{}.png", "кошки", "犬", "Æther ärger", "🐈"),
        {"train": {"кошки": 2, "犬": 2, "Æther ärger": 2, "🐈": 2}},
    ),
    "no-break and narrow spaces, colons": (
        each("{}/{} \u202f10:30.png", "grey\xa0cats", "dogs"),
        {"train": {"grey\xa0cats": 2, "dogs": 2}},
    ),
    "the same name in two Unicode forms": (
        files("cafe\u0301/1.png", "caf\u00e9/2.png", "tea/1.png", "tea/2.png"),
        {"train": {"café": 2, "tea": 2}},
    ),
    "Windows separators": (each("set\\{}\\{}.png", "cats", "dogs"), {"train": TWO}),
    "endings in capitals": (
        {"cats/1.PNG": shade(1), "cats/2.Png": shade(2), "dogs/1.png": shade(3), "dogs/2.JPEG": shade(4)},
        {"train": TWO},
    ),
    "a CSV file in place of folders": (
        each("images/{}{}.png", "a", "b")
        | {"labels.csv": b"file,label\nimages/a0.png,cats\nimages/a1.png,cats\nb0.png,dogs\nb1,dogs\n"},
        {"train": TWO},
    ),
    "a CSV file with splits, as a spreadsheet writes it": (
        each("set/{}{}.png", "a", "b", "c", "d")
        | {
            "set/my labels.CSV": "\ufeffFile Name;Class;Split\r\n".encode()
            + b"a0.png;cats;train\r\na1.png;cats;Training\r\nb0.png;dogs;train\r\nb1.png;dogs;train\r\n"
            + b"c0.png;cats;val\r\nc1.png;dogs;val\r\nd0.png;cats;test\r\nd1.png;dogs;test\r\n"
        },
        {"train": TWO, "validation": {"cats": 1, "dogs": 1}, "test": {"cats": 1, "dogs": 1}},
    ),
    "a CSV file for each split": (
        each("train/{}{}.png", "a", "b")
        | each("test/{}{}.png", "a", "b", count=1)
        | {"train.csv": b"id,label\ntrain/a0,cats\ntrain/a1,cats\ntrain/b0,dogs\ntrain/b1,dogs\n"}
        | {"test.csv": b"id,label\ntest/a0,cats\ntest/b0,dogs\n"},
        {"train": TWO, "test": {"cats": 1, "dogs": 1}},
    ),
    "a CSV file about something else": (
        each("{}/{}.png", "cats", "dogs") | {"prices.csv": b"name,class\nmilk,1\n", "x.csv": b"1,2\n"},
        {"train": TWO},
    ),
    "one image a class": (files("cats/1.png", "dogs/1.png"), {"train": {"cats": 1, "dogs": 1}}),
}

# name → files, what the refusal says
REFUSED = {
    "one class": (each("{}/{}.png", "cats"), "one class"),
    "no folders": (files("1.png", "2.png"), "lies in no folder"),
    "no images": ({"cats/1.txt": b"x", "dogs/1.txt": b"x"}, "no images"),
    "split folders without classes": (files("train/1.png", "test/1.png"), "lies in no folder"),
    "classes within groups": (
        each("{}/{}.png", "animals/cats", "animals/dogs", "vehicles/cars"),
        "are these the classes",
    ),
    "a class in val alone": (
        each("{}/{}.png", "cats", "dogs") | files("../1.png"),
        "leads elsewhere",
    ),
    "two labels of one image": (
        files("1.png", "2.png") | {"l.csv": b"file,label\n1.png,a\n2.png,b\n1.png,b\n"},
        "two lines",
    ),
    "a split that is none": (
        files("1.png", "2.png") | {"l.csv": b"file,label,split\n1.png,a,train\n2.png,b,later\n"},
        "'later' is no split",
    ),
    "a CSV line that ends early": (
        files("1.png", "2.png") | {"l.csv": b"file,label\n1.png,a\n2.png\n"},
        "line 3 of l.csv",
    ),
    "a kind that is not read": (files("cats/1.heic", "dogs/1.png"), "of a kind that is not read"),
    "a truncated file": ({"cats/1.png": shade(1)[:-30], "dogs/1.png": shade(1)}, "cats/1.png"),
    "an empty file": ({"cats/1.png": b"", "dogs/1.png": shade(1)}, "cats/1.png"),
}


def zipped(content, **options):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", **options) as archive:
        for path, item in content.items():
            archive.writestr(path, item)
    return made.getvalue()


def sample(upload):
    out = io.BytesIO()
    write_sample(io.BytesIO(upload), out, a_class=1000, in_all=10_000)
    out.seek(0)
    head = Head.read(out)
    return head, list(read_images(out, head.sampled))


def described(path):
    """What is said of an uploaded data set, and its sample as a task's is."""
    out = io.BytesIO()
    found = describe(path)
    write_dataset_sample(path, out)
    out.seek(0)
    head = Head.read(out)
    return found, head, list(read_images(out, head.sampled))


def in_colour(image):
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def sources(folder, content):
    """The same files in every form that a training reads."""
    data.folder_of(folder, "f", content)
    data.zip_of(folder, "z.zip", content)
    data.tar_of(folder, "t.tar", content, "w")
    for name in "fzt":
        yield name, lambda name=name: open_source(folder, name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_tasks_and_trainings_see_the_same(tmp_path, name):
    content, right = LAYOUTS[name]
    head, images = sample(zipped(content))
    assert {head.classes[label]: n for label, n in Counter(label for _, label in images).items()} == right[
        "train"
    ]
    task = {(head.classes[label], image.tobytes()) for image, label in images}
    for form, opened in sources(tmp_path, content):
        source = opened()
        assert source.classes == head.classes == tuple(sorted(right["train"])), form
        found = {
            part: dict(Counter(source.classes[e.label] for e in source.entries if e.part == part))
            for part in {entry.part for entry in source.entries}
        }
        assert found == right, form
        training = [entry for entry in source.entries if entry.part == "train"]
        pixels = source.read(training, None)
        assert {(source.classes[e.label], x.tobytes()) for e, x in zip(training, pixels, strict=True)} == task
        assert dict(source.left_out) == head.left_out
    for archive in ("z.zip", "t.tar"):
        found, its_head, own = described(tmp_path / archive)
        assert found["images"] == right and tuple(found["classes"]) == head.classes
        assert found["left_out"] == its_head.left_out == head.left_out
        assert {(its_head.classes[label], image.tobytes()) for image, label in own} == task


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_alike(tmp_path, name):
    content, said = REFUSED[name]
    with pytest.raises(BadImages, match=said) as error:
        sample(zipped(content))
    assert error.value.message
    for form, opened in sources(tmp_path / "sets", content):
        if said != "leads elsewhere" or form != "f":
            with pytest.raises(BadImages, match=said):
                source = opened()
                source.read(source.entries, None)
    for archive in ("z.zip", "t.tar"):
        with pytest.raises(BadImages, match=said):
            describe(tmp_path / "sets" / archive)


def test_what_is_left_out_is_said():
    content, _ = LAYOUTS["a test split without labels"]
    assert sample(zipped(content))[0].left_out == {"without a label in test": 2}
    named = each("{}{}.png", "a", "b") | {"l.csv": b"file,label\na0.png,a\nb0.png,b\nb1.png,\nc.png,a\n"}
    assert sample(zipped(named))[0].left_out == {
        "named in a CSV file and not there": 1,
        "named in no CSV file": 1,
        "without a label in a CSV file": 1,
    }
    content, _ = LAYOUTS["images beside the splits"]
    assert sample(zipped(content))[0].left_out == {"beside the split folders": 2}


# pixels
GRADIENT = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


def turned(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(image), "PNG", exif=exif)


def _black_on_clear():
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[2:4, :, 3] = 255  # strokes, all else is transparent black
    return pixels


def _on_white():
    right = np.full((8, 8, 3), 255, dtype=np.uint8)
    right[2:4] = 0
    return right


def _palette():
    image = Image.fromarray(GRADIENT).quantize(16)
    return image, np.asarray(image.convert("RGB"))


def _frames():
    return [Image.fromarray(np.full((8, 8, 3), value, dtype=np.uint8)) for value in (200, 10, 30)]


SIXTEEN = np.tile(np.arange(8, dtype=np.uint16) * 8192, (8, 1))
PIXELS = {
    "turned by EXIF": (turned(np.rot90(GRADIENT), 6), np.rot90(GRADIENT, 0)),
    "mirrored by EXIF": (turned(GRADIENT[:, ::-1], 2), GRADIENT),
    "strokes on nothing": (saved(Image.fromarray(_black_on_clear()), "PNG"), _on_white()),
    "a palette": (saved(_palette()[0], "PNG"), _palette()[1]),
    "a clear palette": (
        saved(Image.new("P", (8, 8), 0), "PNG", transparency=0),
        np.full((8, 8, 3), 255, dtype=np.uint8),
    ),
    "sixteen bits": (
        saved(Image.fromarray(SIXTEEN), "PNG"),
        np.repeat((SIXTEEN >> 8).astype(np.uint8)[..., None], 3, axis=2),
    ),
    "one bit": (saved(Image.new("1", (8, 8), 1), "PNG"), np.full((8, 8, 3), 255, dtype=np.uint8)),
    "grey with alpha": (saved(Image.new("LA", (8, 8), (0, 0)), "PNG"), np.full((8, 8, 3), 255, np.uint8)),
    "CMYK": (
        saved(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "TIFF"),
        np.zeros((8, 8, 3), dtype=np.uint8),
    ),
    "an animation": (
        saved(_frames()[0], "GIF", save_all=True, append_images=_frames()[1:]),
        np.full((8, 8, 3), 200, dtype=np.uint8),
    ),
    "a bitmap": (saved(Image.fromarray(GRADIENT), "BMP"), GRADIENT),
    "lossless WebP": (saved(Image.fromarray(GRADIENT), "WEBP", lossless=True), GRADIENT),
}


@pytest.mark.parametrize("name", PIXELS)
def test_pixels_are_those_that_a_person_sees(tmp_path, name):
    content, right = PIXELS[name]
    archive = {"cats/1.png": content, "dogs/1.png": shade(9)}
    _, images = sample(zipped(archive))
    seen = images[0][0] if images[0][0].ndim == 3 else np.repeat(images[0][0][..., None], 3, axis=2)
    np.testing.assert_array_equal(seen, right)
    for archived in ("z.zip", "t.tar"):
        data.zip_of(tmp_path, "z.zip", archive)
        data.tar_of(tmp_path, "t.tar", archive, "w")
        np.testing.assert_array_equal(in_colour(described(tmp_path / archived)[2][0][0]), right)
    for form, opened in sources(tmp_path, archive):
        source = opened()
        np.testing.assert_array_equal(source.read(source.entries, None)[0], right, form)


# zips of all producers
def test_a_small_zip64_is_read(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, item in LAYOUTS["class folders"][0].items():
            with archive.open(path, "w", force_zip64=True) as file:
                file.write(item)
    whole = bytearray(made.getvalue())
    end = whole.rindex(b"PK\x05\x06")
    files_, length, begin = struct.unpack_from("<HLL", whole, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, files_, files_, length, begin)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    struct.pack_into("<HHLL", whole, end + 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    large = bytes(whole[:end]) + record + locator + bytes(whole[end:])
    assert sample(large)[0].images == 4
    (tmp_path / "z.zip").write_bytes(large)
    assert len(open_source(tmp_path, "z").entries) == 4
    liar = large.replace(record, record[:24] + struct.pack("<4Q", 10**6, 10**6, length, begin))
    with pytest.raises(BadImages, match="more than 50,000 files"):
        sample(liar)


def test_utf8_names_without_the_flag_for_them():
    named = zipped({f"caf{letter}/{n}.png": shade(n) for letter in "XY" for n in range(2)})
    plain = named.replace(b"cafX", b"caf\xc3").replace(b"\xc3/0.png", b"\xc3/0.png")
    assert len(sample(plain)[0].classes) == 2  # in no code page that could be known, but two folders
    two = zipped({f"caf__{letter}/{n}.png": shade(n) for letter in "ab" for n in range(2)})
    assert sample(two.replace(b"caf__", b"caf\xc3\xa9"))[0].classes == ("caféa", "caféb")


# arrays
X = np.arange(12 * 8 * 8 * 3, dtype=np.int64).reshape(12, 8, 8, 3).astype(np.uint8)
Y = np.arange(12) % 2
ARRAYS = {
    "x and y": ({"x": X, "y": Y}, ("0", "1"), X),
    "Keras names": (
        {"x_train": X, "y_train": Y[:, None], "x_test": X[:4], "y_test": Y[:4, None]},
        ("0", "1"),
        X,
    ),
    "MedMNIST names": (
        {
            f"{part}_{kind}": value
            for part in ("train", "val", "test")
            for kind, value in (("images", X), ("labels", Y))
        },
        ("0", "1"),
        X,
    ),
    "images and labels": ({"images": X, "labels": Y}, ("0", "1"), X),
    "data and target, others beside": (
        {"data": X, "target": Y, "feature_names": np.arange(3)},
        ("0", "1"),
        X,
    ),
    "no names": ({"arr_0": X, "arr_1": Y}, ("0", "1"), X),
    "labels with gaps": ({"x": X, "y": 97 + Y}, ("97", "98"), X),
    "negative labels": ({"x": X, "y": -Y}, ("-1", "0"), X),
    "whole floats": ({"x": X, "y": Y.astype(np.float32)}, ("0", "1"), X),
    "truth values": ({"x": X, "y": Y == 1}, ("0", "1"), X),
    "texts": ({"x": X, "y": np.array(["cat", "dög"])[Y]}, ("cat", "dög"), X),
    "byte texts": ({"x": X, "y": np.array([b"cat", b"dog"])[Y]}, ("cat", "dog"), X),
    "one-hot": ({"x": X, "y": np.eye(2)[Y]}, ("0", "1"), X),
    "one-hot with columns that nothing has": ({"x": X, "y": np.eye(5)[Y + 2]}, ("2", "3"), X),
    "floats from 0 to 1": ({"x": (X / 255).astype(np.float32), "y": Y}, ("0", "1"), X),
    "large integers": ({"x": X.astype(np.int64), "y": Y}, ("0", "1"), X),
    "floats from 0 to 255": ({"x": X.astype(np.float64), "y": Y}, ("0", "1"), X),
    "grey": ({"x": X[..., 0], "y": Y}, ("0", "1"), np.repeat(X[..., :1], 3, axis=3)),
    "grey with a channel": ({"x": X[..., :1], "y": Y}, ("0", "1"), np.repeat(X[..., :1], 3, axis=3)),
    "with transparency": (
        {"x": np.concatenate([X, np.zeros_like(X[..., :1])], axis=3), "y": Y},
        ("0", "1"),
        np.full_like(X, 255),
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_the_same_to_tasks_and_trainings(tmp_path, name):
    arrays, classes, pixels = ARRAYS[name]
    made = io.BytesIO()
    np.savez(made, **arrays)
    head, images = sample(made.getvalue())
    assert head.classes == classes and head.images == 12
    (tmp_path / "a.npz").write_bytes(made.getvalue())
    source = open_source(tmp_path, "a")
    assert source.classes == classes
    training = [entry for entry in source.entries if entry.part == "train"]
    read = source.read(training, None)
    np.testing.assert_array_equal(read, pixels)
    labels = [entry.label for entry in training]
    task = {
        (label, (x if x.ndim == 3 else np.repeat(x[..., None], 3, axis=2)).tobytes()) for x, label in images
    }
    assert task == {(label, x.tobytes()) for x, label in zip(read, labels, strict=True)}
    found, its_head, own = described(tmp_path / "a.npz")
    assert (
        tuple(found["classes"]) == its_head.classes == classes
        and sum(found["images"]["train"].values()) == 12
    )
    assert {(label, in_colour(image).tobytes()) for image, label in own} == task


def test_links_within_a_folder_are_followed_and_others_named(tmp_path):
    content, _ = LAYOUTS["class folders"]
    data.folder_of(tmp_path, "f", content)
    (tmp_path / "f" / "birds").mkdir()
    (tmp_path / "f" / "birds" / "1.png").symlink_to("../cats/0.png")
    (tmp_path / "outside.png").write_bytes(shade(3))
    (tmp_path / "f" / "cats" / "9.png").symlink_to(tmp_path / "outside.png")
    source = open_source(tmp_path, "f")
    assert source.classes == ("birds", "cats", "dogs") and len(source.entries) == 5
    assert dict(source.left_out) == {"links": 1}
    data.tar_of(tmp_path, "t.tar", content, "w")
    with tarfile.open(tmp_path / "t.tar", "a") as archive:
        link = tarfile.TarInfo("cats/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert dict(open_source(tmp_path, "t").left_out) == {"links": 1}
