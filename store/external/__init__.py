"""Evaluations that clients outside make: model, port, adapters."""
