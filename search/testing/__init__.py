"""Conformance suites of strategies and evaluators."""
