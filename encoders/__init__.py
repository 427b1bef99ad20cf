"""Architecture to vector."""
