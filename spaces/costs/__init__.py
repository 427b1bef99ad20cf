"""Exact costs: parameters, multiply-accumulates and activation memory, counted from layers."""
