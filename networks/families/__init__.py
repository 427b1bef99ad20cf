"""The plans of each space's networks, one file a space."""
