"""Blobs, named by their SHA-256: stores of them, which rows name them, and their collector."""
