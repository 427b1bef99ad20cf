"""Studies: model, port, adapters."""
