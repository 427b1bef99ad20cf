"""Transfer between tasks: models of other tasks as sources, and models conditioned on a task's embedding."""
