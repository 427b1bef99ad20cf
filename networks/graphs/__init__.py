"""Graph networks: how the benchmark trained them, and their code. Importing it loads no torch."""
