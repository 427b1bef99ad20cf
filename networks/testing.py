"""The conformance suite of task sources: a new format joins with one line.

Example:
    TestMine = conformance("mine", write_mine)
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from networks.images.dataset import load_images
from networks.images.limits import BadImages
from networks.images.names import find, names, open_source
from networks.images.source import Source
from networks.images.sources import SOURCES


def conformance(name: str, write: Callable[[Path, str], object]) -> type["SourceSuite"]:
    """The suite for a registered task source, to be assigned to a name that begins with ``Test``.

    Args:
        name: of the format.
        write: writes a data set into a folder under a name: at least two classes, ten square images or more
            of one size that differ from one another.

    Raises:
        NotRegistered: there is none of the name, or its module does not load.
    """
    SOURCES.get(name)
    return type(f"Test_{name}", (SourceSuite,), {"name": name, "write": staticmethod(write)})


class SourceSuite:
    """What every task source promises; collected by pytest from a subclass whose name starts with Test."""

    name: str
    write: Callable[[Path, str], object]

    def opened(self, tmp_path: Path) -> Source:
        """A data set in the format."""
        type(self).write(tmp_path, "sample")
        return open_source(tmp_path, "sample")

    def test_it_is_registered_under_its_name(self) -> None:
        assert self.name in SOURCES.names()
        assert SOURCES.get(self.name).name == self.name

    def test_a_data_set_is_found_by_its_name_and_its_ending(self, tmp_path: Path) -> None:
        assert isinstance(self.opened(tmp_path), SOURCES.get(self.name))
        assert names(tmp_path) == ["sample"]
        path = find(tmp_path, "sample")
        assert path is not None
        assert path.name.removeprefix("sample") in SOURCES.get(self.name).endings

    def test_every_entry_has_a_key_of_its_own_a_class_and_a_part(self, tmp_path: Path) -> None:
        source = self.opened(tmp_path)
        assert len(source.classes) >= 2 and len(set(source.classes)) == len(source.classes)
        assert len({(entry.part, entry.key) for entry in source.entries}) == len(source.entries) >= 10
        assert {entry.label for entry in source.entries} <= set(range(len(source.classes)))
        assert {entry.part for entry in source.entries} <= {"train", "validation", "test"}

    def test_pixels_come_in_the_order_that_they_are_asked_for(self, tmp_path: Path) -> None:
        source = self.opened(tmp_path)
        wanted = list(source.entries)[::-1]
        there, back = source.read(wanted, 8), source.read(wanted[::-1], 8)
        assert there.dtype == np.uint8 and there.shape == (len(wanted), 8, 8, 3)
        assert np.array_equal(there[::-1], back) and not np.array_equal(there, back)

    def test_the_stamp_is_json_and_follows_the_content(self, tmp_path: Path) -> None:
        first, again = self.opened(tmp_path).stamp(), open_source(tmp_path, "sample").stamp()
        assert json.dumps(first) == json.dumps(again)

    def test_a_training_can_be_made_of_it(self, tmp_path: Path) -> None:
        self.opened(tmp_path)
        loaded = load_images(tmp_path, "sample", side=8)
        assert loaded.side == 8 and len(loaded.train) > len(loaded.validation) > 0

    def test_a_damaged_file_is_refused_and_told(self, tmp_path: Path) -> None:
        for ending in SOURCES.get(self.name).endings:
            path = tmp_path / f"broken{ending}"
            if ending:
                path.write_bytes(b"\x00no images")
            else:
                path.mkdir()
            with pytest.raises(BadImages, match="broken"):
                open_source(tmp_path, "broken")
            if ending:
                path.unlink()
