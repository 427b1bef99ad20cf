"""Training networks on images: recipes, data sets, the loop, checkpoints. Importing it loads no torch."""
