"""The spaces that are built in, one file each; the module has the space's name."""
