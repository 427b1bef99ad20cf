"""Studies: strategies, evaluators and the loop that learns from evaluations."""
