"""Batches of jobs: model, port, adapters."""
