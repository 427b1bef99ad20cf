"""Bounded work: threads with limits, and child processes for what a thread must not do."""
