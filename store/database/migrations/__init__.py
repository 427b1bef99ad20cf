"""Steps from one schema to the next, up and down, on both databases."""
