"""Celery app and thin tasks, relay and lease keeper, the embedded stack."""
