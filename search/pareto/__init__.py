"""Pareto fronts, and one fitness for observations with several objectives and bounds."""
