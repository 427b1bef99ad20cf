"""Predictors of tenants: model, port, adapters."""
