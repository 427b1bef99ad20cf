"""Exact Gaussian processes on GPyTorch and BoTorch, and the kernels and features that they compare."""
