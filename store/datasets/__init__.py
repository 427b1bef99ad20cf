"""Data sets that tenants upload: model, port, adapters."""
