"""Comparisons that make every figure in the documentation: ``netwright compare NAME``.

A new comparison is one module in a folder here, with a function under
:func:`experiments.framework.registry.comparison`.
"""
