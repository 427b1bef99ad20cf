"""Trained networks of tenants: model, port, adapters."""
