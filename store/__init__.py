"""Jobs, events, observations, results: the truth of the service."""
