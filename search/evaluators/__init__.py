"""Evaluators: what turns an architecture into measured values, one file each."""
