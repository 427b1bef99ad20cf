"""What evaluations found, once for each tenant."""
