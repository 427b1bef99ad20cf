"""DiffusionNAG as published (An et al., ICLR 2024): a score network over one-hot operations."""
