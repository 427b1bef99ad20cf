"""Tasks as vectors: an image backbone, class prototypes, and a set encoder over them."""
