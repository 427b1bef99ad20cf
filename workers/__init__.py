"""Celery app and thin tasks, relay and lease reaper, the embedded stack."""
