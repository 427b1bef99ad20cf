"""Every task source keeps the promises of the abstract one; a new one joins with one line."""

from networks.images.sources import SOURCES
from networks.testing import conformance
from tests.networks.training import data

TestFolder = conformance("folder", lambda folder, name: data.folder_of(folder, name, data.files()))
TestTar = conformance("tar", lambda folder, name: data.tar_of(folder, f"{name}.tar.gz", data.files(), "w:gz"))
TestZip = conformance("zip", lambda folder, name: data.zip_of(folder, f"{name}.zip", data.files()))
TestNpz = conformance("npz", data.npz)


def test_every_built_in_has_joined():
    joined = {value.name for name, value in globals().items() if name.startswith("Test")}
    assert joined == SOURCES.built_in()
