"""Arithmetic over the variables of a declared space: syntax, check, evaluation."""
