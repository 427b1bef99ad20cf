"""Samples of images that strangers send: read in a process that may have little memory and little time."""
