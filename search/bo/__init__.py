"""Bayesian optimization: surrogates, acquisition and candidates; the models and formulas are BoTorch's."""
