"""Comparisons that reproduce every figure in the documentation: ``netwright compare NAME``.

A new comparison is one module here with a function under :func:`experiments.frame.comparison`.
"""
