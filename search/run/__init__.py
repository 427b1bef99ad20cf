"""Running a search: the loop, the evaluation pool, the subset of observations that is learned from."""
