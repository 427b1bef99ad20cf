"""Declared spaces: model, port, adapters."""
