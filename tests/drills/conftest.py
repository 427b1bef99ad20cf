"""The stacks of the workers' tests, and the API beside them."""

from tests.workers.conftest import postgres, running

__all__ = ["postgres", "running"]
