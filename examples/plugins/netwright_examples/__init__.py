"""One plug-in of each kind: a predictor, a strategy, a space, an evaluator and a zero-cost proxy."""
