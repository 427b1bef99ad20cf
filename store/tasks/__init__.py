"""Uploaded tasks: model, port, adapters."""
