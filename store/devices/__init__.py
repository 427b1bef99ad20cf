"""Devices of tenants: model, port, adapters."""
