"""Predictors of accuracy and latency, their intervals, and the encoders below them."""
