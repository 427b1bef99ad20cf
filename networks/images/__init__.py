"""Uploaded images: read in a process with limits on memory and time."""
