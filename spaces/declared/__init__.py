"""Spaces that are declared rather than written: variables with choices, conditions, rules, costs, a graph."""
