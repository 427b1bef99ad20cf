"""Intervals and label transforms: conformal intervals, cross-fitting, normal scores, what labels covered."""
