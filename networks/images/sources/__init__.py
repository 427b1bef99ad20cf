"""Formats of data sets on disk, one file each; the module has the format's name."""

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from networks.images.source import Source

SOURCES: "Registry[Source]" = Registry(
    "task source",
    "networks.images.source:Source",
    folder="networks.images.sources",
    group="netwright.task_sources",
)
"""By name; those of installed packages are found by their entry points.

>>> SOURCES.names()
('folder', 'npz', 'tar', 'zip')
"""
