"""The kinds of predictor, one file each; the module has the kind's name."""
