"""What is true of every request: limits, bodies, hosts, problem documents."""
