"""Training predictors: those that ship, and those of observations that a tenant sends."""
