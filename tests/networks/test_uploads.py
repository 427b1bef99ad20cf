"""What strangers send as a task: good samples, bombs, names that lead elsewhere, pickles."""

import io
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from networks.images.describe import describe
from networks.images.limits import BadImages
from networks.images.read import REFUSED, write_sample
from networks.images.sample import Head, read_images


def png(side=12, value=7, mode="RGB"):
    made = io.BytesIO()
    Image.new(mode, (side, side), value if mode == "L" else (value,) * 3).save(made, "PNG")
    return made.getvalue()


PNG = png()


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def npz(**arrays):
    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    return made.getvalue()


def sample(upload, a_class=20, in_all=400):
    out = io.BytesIO()
    write_sample(io.BytesIO(upload), out, a_class=a_class, in_all=in_all)
    out.seek(0)
    head = Head.read(out)
    return head, list(read_images(out, head.sampled))


def refusal(upload):
    with pytest.raises(BadImages) as error:
        sample(upload)
    return error.value.message


def in_child(upload, tmp_path):
    """Exit status, and what the reading process said; it writes to a file, as the service lets it."""
    (tmp_path / "upload").write_bytes(upload)
    with (tmp_path / "upload").open("rb") as file, (tmp_path / "sample").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "networks.images.read"],
            stdin=file,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=60,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    return done.returncode, done.stderr.decode()


# what is taken
def test_class_folders_are_sampled_evenly_and_by_name(tmp_path):
    files = [(f"set/{name}/{i:02}.png", png(value=i)) for name in ("tea", "café") for i in range(30)]
    head, images = sample(zipped([*files, ("set/readme.txt", b"hello"), ("__MACOSX/tea/._1.png", b"")]))
    assert (head.classes, head.images, head.sampled) == (("café", "tea"), 60, 40)
    assert [label for _, label in images] == [0] * 20 + [1] * 20
    assert images[0][0].shape == (12, 12, 3) and [int(image[0, 0, 0]) for image, _ in images[:2]] == [0, 2]
    assert sample(zipped(files[::-1]))[1][5][0].tolist() == images[5][0].tolist()
    assert sample(zipped(files), a_class=20, in_all=10)[0].sampled == 10


def test_held_out_folders_are_left_alone_and_grey_stays_grey():
    files = [("train/a/1.png", png(8, 3, "L")), ("train/b/1.png", PNG), ("test/c/1.png", PNG)]
    head, images = sample(zipped(files))
    assert head.classes == ("a", "b") and images[0][0].shape == (8, 8)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (9, 31, 3)])
def test_arrays_are_sampled_by_label(shape):
    x = np.arange(12, dtype=np.uint8).reshape(12, *[1] * len(shape)) * np.ones(shape, dtype=np.uint8)
    y = np.array([5, -1] * 6)
    head, images = sample(npz(x=x, y=y), a_class=2)
    assert (head.classes, head.images, head.sampled) == (("-1", "5"), 12, 4)
    kept = [(int(image.flat[0]), label) for image, label in images]
    assert kept == [(0, 1), (1, 0), (10, 1), (11, 0)]
    square = (min(shape[:2]), min(shape[:2]), *shape[2:])
    assert images[0][0].shape == square[: 2 if shape[-1] == 1 else None]


def test_large_images_are_made_small_at_once():
    _, images = sample(zipped([("a/1.png", png(1024)), ("b/1.png", PNG)]))
    assert images[0][0].shape == (224, 224, 3)
    _, arrays = sample(npz(x=np.full((2, 300, 400, 3), 9, dtype=np.uint8), y=np.arange(2)))
    assert arrays[1][0].shape == (224, 224, 3) and (arrays[1][0] == 9).all()


def test_of_a_long_image_the_middle_alone_is_passed_on():
    wide = np.zeros((20, 100, 3), dtype=np.uint8)
    wide[:, 40:60] = 9
    made = io.BytesIO()
    Image.fromarray(wide).save(made, "PNG")
    _, images = sample(zipped([("a/1.png", made.getvalue()), ("b/1.png", PNG)]))
    assert images[0][0].shape == (20, 20, 3) and (images[0][0] == 9).all()
    _, arrays = sample(npz(x=np.stack([wide, wide]), y=np.arange(2)))
    assert arrays[0][0].shape == (20, 20, 3) and (arrays[0][0] == 9).all()


def test_as_many_of_the_longest_images_as_are_looked_at_can_be_passed_on(tmp_path):
    made = io.BytesIO()
    Image.new("RGB", (1024, 224)).save(made, "JPEG")
    content = made.getvalue() + bytes(20_000)  # as long as a photograph
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for number in range(400):
            archive.writestr(f"{number % 20}/{number}.jpg", content)
    assert in_child(stored.getvalue(), tmp_path) == (0, "")


def test_grey_of_sixteen_bits_keeps_its_shades():
    made = io.BytesIO()
    shades = np.tile(np.arange(16, dtype=np.uint16) * 4096, (16, 1))
    Image.fromarray(shades).save(made, "PNG")
    _, images = sample(zipped([("a/1.png", made.getvalue()), ("b/1.png", PNG)]))
    assert images[0][0][0].tolist() == [16 * shade for shade in range(16)]


# what is refused, and why
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("a/1.png", PNG)], "one class"),
        ([("1.png", PNG), ("a/1.png", PNG)], "lies in no folder"),
        ([("a/1.txt", PNG)], "no images"),
        ([], "no images"),
        ([("a/1.png", PNG), ("b/1.heic", PNG)], "not read"),
        ([("a/1.png", PNG), ("b/1.png", b"")], "no image that can be read"),
        ([("a/1.png", PNG), ("b/1.png", PNG[:50])], "damaged"),
        ([("a/1.png", PNG), ("b/1.png", png(7))], "7×7 pixels"),
        ([("a/1.png", PNG), ("b/1.png", png(4097))], "4097×4097 pixels"),
        ([("a/1.png", PNG), ("b" * 101 + "/1.png", PNG)], "more than 100 characters"),
        ([(f"{i}/1.png", PNG) for i in range(1001)], "1,001"),
    ],
)
def test_a_zip_that_is_no_task_says_what_is_wrong(files, said):
    assert said in refusal(zipped(files))


X, Y = np.zeros((4, 8, 8, 3), dtype=np.uint8), np.arange(4) % 2


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": X}, "needs the arrays x and y"),
        ({"x": X, "y": Y[:3]}, "4 images and 3 labels"),
        ({"x": X - 0.5, "y": Y}, "values from -0.5 to -0.5"),
        ({"x": X.astype(int) + 256, "y": Y}, "values from 256 to 256"),
        ({"x": X, "y": Y + 0.5}, "float64 and not whole"),
        ({"x": X, "y": Y * 0}, "2 to 1,000 classes"),
        ({"x": X.transpose(0, 3, 1, 2), "y": Y}, "x is uint8"),
        ({"x": np.asfortranarray(X), "y": Y}, "Fortran"),
        ({"x": X[:, :7], "y": Y}, "8×7 pixels"),
        ({"x": X[0, 0], "y": Y}, "x is uint8"),
        ({"x": X, "y": np.stack([Y, Y], axis=1)}, "not one-hot"),
        ({"x": X, "y": Y, "images": X}, "x and images could both"),
        ({"x": X, "y": Y, "x_test": X}, "needs the arrays x and y"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 5}, "the label 5"),
        ({"x": X, "y": np.zeros(9_000_000, dtype=np.int64)}, "unpacks to"),
    ],
)
def test_arrays_that_are_no_task_say_what_is_wrong(arrays, said):
    assert said in refusal(npz(**arrays))


def test_a_header_that_lies_is_refused():
    made = io.BytesIO(npz(x=X, y=Y))
    with zipfile.ZipFile(made) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    longer = parts["x.npy"] + b"\0" * (1 << 20)
    assert "not as long as it says" in refusal(zipped([("x.npy", longer), ("y.npy", parts["y.npy"])]))
    assert "not as long" in refusal(zipped([("x.npy", parts["x.npy"][:200]), ("y.npy", parts["y.npy"])]))


# bombs
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width, height, megabytes):
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(megabytes)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    wide = png_bomb(30_000, 30_000, 1)
    assert "millions of pixels" in refusal(zipped([("a/1.png", wide), ("b/1.png", PNG)]))
    zeros = b"\0" * 20_000_000
    assert "unpacks to 20,000,000" in refusal(zipped([("a/1.png", zeros), ("b/1.png", PNG)]))
    nested = zipped([("inner.zip", zipped([("x", zeros)]))])
    assert "no images" in refusal(nested)
    many = png_bomb(1024, 1024, 4)
    assert "hundreds of times" in refusal(zipped([(f"{i % 2}/{i}.png", many) for i in range(24)]))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 1000, 0, 0)
    assert "50,000 files" in refusal(b"PK\x03\x04" + b"\0" * 1000 + end)
    # What an array's header promises is never allocated.
    for shape, said in (((4, 32_000, 32_000), "unpacks to 4,096,000,000"), ((1 << 40, 8, 8), "x is uint8")):
        header, labels = io.BytesIO(), io.BytesIO()
        answer = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, answer)
        np.save(labels, Y)
        assert said in refusal(zipped([("x.npy", header.getvalue()), ("y.npy", labels.getvalue())]))


def test_bombs_in_data_sets_are_refused_too(tmp_path):
    header, labels = io.BytesIO(), io.BytesIO()
    promise = {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1024, 1024)}
    np.lib.format.write_array_header_1_0(header, promise)
    np.save(labels, Y)
    bombs = {
        "a.zip": (zipped([("a/1.png", png_bomb(30_000, 30_000, 1)), ("b/1.png", PNG)]), "millions of pixels"),
        "b.zip": (zipped([("a/1.png", b"\0" * 40_000_000), ("b/1.png", PNG)]), "unpacks to 40,000,000"),
        "c.npz": (zipped([("x.npy", header.getvalue()), ("y.npy", labels.getvalue())]), "x unpacks to"),
    }
    for name, (content, said) in bombs.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadImages, match=said):
            describe(tmp_path / name)


def test_a_file_whose_size_is_a_lie_is_not_unpacked_beyond_the_limit():
    honest = zipped([("a/1.png", b"\0" * 20_000_000), ("b/1.png", PNG)])
    size = struct.pack("<L", 20_000_000)
    assert honest.count(size) == 2
    assert "damaged" in refusal(honest.replace(size, struct.pack("<L", 100)))


def test_the_reading_process_has_little_memory(tmp_path):
    code = (
        "from networks.images.read import limit_this_process as f; f()\n"
        "try: bytearray(300 << 20)\n"
        "except MemoryError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "refused\n"
    status, said = in_child(zipped([("a/1.png", PNG), ("a/2.png", PNG)]), tmp_path)
    assert status == REFUSED and "one class" in said


# names that lead elsewhere
TAKEN = ["C:1.png", "a\\1.png", "a/1:30.png", "\ufeffa/1.png", "a\u200b/1.png", "a/x\xa0\u202f1.png"]
NAMES = [
    "../a/1.png",
    "../../etc/passwd",
    "a/../../1.png",
    "a/../b/1.png",
    "a/..",
    "..",
    "/a/1.png",
    "//a/1.png",
    "/etc/cron.d/1.png",
    "/",
    "~/a/1.png",
    "~root/1.png",
    "C:/a/1.png",
    "c:\\a\\1.png",
    "\\a\\1.png",
    "\\\\server\\share\\1.png",
    "..\\a\\1.png",
    "a/..\\..\\1.png",
    "file:///a/1.png",
    "http://a/1.png",
    "a/1\n.png",
    "a/1\r.png",
    "a/1\t.png",
    "a/\x1b[31m/1.png",
    "a/\x7f/1.png",
    "a\u202e/1.png",
    "a/\u2028/1.png",
    *(f"{'../' * depth}a/1.png" for depth in range(2, 20)),
    *(f"a/{'../' * depth}b/1.png" for depth in range(1, 10)),
    *(f"/{root}/a/1.png" for root in ("proc/self", "dev", "tmp", "root", "var/lib", "sys")),
]
MODES = [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK]


def test_names_that_lead_elsewhere_are_refused():
    assert len(NAMES) + len(MODES) >= 60
    for name in TAKEN:
        sample(
            zipped([(f"set/{name}" if name == "C:1.png" else name, PNG), ("b/1.png", PNG), ("b/2.png", PNG)])
        )
    for name in NAMES:
        said = refusal(zipped([(name, PNG), ("a/1.png", PNG), ("b/1.png", PNG)]))
        assert "leads elsewhere" in said, name
    nul = zipped([("a/1.pngX/../../x", PNG), ("b/1.png", PNG)]).replace(b"1.pngX", b"1.png\0")
    assert "leads elsewhere" in refusal(nul)


@pytest.mark.parametrize("mode", MODES)
def test_links_and_devices_are_refused(mode):
    entry = zipfile.ZipInfo("a/1.png")
    entry.external_attr = (mode | 0o777) << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
        archive.writestr("b/1.png", PNG)
    assert "link or a device" in refusal(made.getvalue())


def test_encrypted_and_strangely_packed_files_are_refused():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a/1.png", PNG)
    assert "another method" in refusal(made.getvalue())
    plain = bytearray(zipped([("a/1.png", PNG)]))
    plain[plain.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(plain))


def test_a_damaged_npz_is_refused_whatever_its_damage_makes_zipfile_or_numpy_raise():
    whole = io.BytesIO()
    np.savez(whole, x=X, y=Y)
    content = whole.getvalue()
    # A header that never closes, a name flagged as UTF-8 that is none, files that begin before the upload.
    unclosed = content.replace(b"'fortran_order'", b"(fortran_order'", 1)
    named = bytearray(content)
    named[6:8] = b"\x00\x08"  # the flag of the local header
    named[30] = 0xE0
    shifted = bytearray(content)
    end = shifted.rindex(b"PK\x05\x06")
    shifted[end + 16 : end + 20] = struct.pack("<L", struct.unpack_from("<L", shifted, end + 16)[0] + 49)
    for upload in (unclosed, bytes(named), bytes(shifted)):
        assert refusal(upload)


def test_labels_beyond_signed_numbers_keep_their_names():
    labels = np.where(np.arange(len(X)) % 2, 2**64 - 1, 3).astype(np.uint64)
    head, _ = sample(npz(x=X, y=labels))
    assert head.classes == ("3", "18446744073709551615")


def test_the_longest_names_of_the_most_classes_are_read():
    # Told as JSON escapes, each of these characters takes twelve bytes.
    files = [(f"{number:04d}" + "🐈" * 96 + "/1.png", PNG) for number in range(1000)]
    head, images = sample(zipped(files))
    assert len(head.classes) == len(images) == 1000
    assert head.classes[999] == "0999" + "🐈" * 96


# pickles
class Canary:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_is_never_read_whatever_it_is_called(tmp_path):
    canary = tmp_path / "canary"
    payload = pickle.dumps(Canary(canary))
    objects = np.empty(2, dtype=object)
    objects[:] = [Canary(canary)] * 2
    arrays = io.BytesIO()
    np.savez(arrays, x=objects, y=Y[:2])
    labels = io.BytesIO()
    np.savez(labels, x=X[:2], y=objects)
    alone = io.BytesIO()
    np.save(alone, objects)
    for upload in (
        arrays.getvalue(),
        labels.getvalue(),
        alone.getvalue(),
        payload,
        zlib.compress(payload),
        zipped([("archive/data.pkl", payload), ("archive/version", b"3\n")]),  # a .pt is such a zip
        zipped([("x.npy", payload), ("y.npy", payload)]),
        zipped([("a/1.png", payload), ("b/1.png", payload)]),
        zipped([("a/1.pkl", payload), ("b/1.joblib", payload)]),
    ):
        assert refusal(upload)
        assert not canary.exists()
    pickle.loads(payload).close()  # noqa: S301  # the canary is one
    assert canary.exists()
