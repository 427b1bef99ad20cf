"""Deployment: the exported network is the one whose costs were reported."""
