"""The spaces that are built in, one file each, and what chains of blocks have in common."""
