"""Exact bounds, the confidence of predicted ones, and the nearest architecture where none holds."""
