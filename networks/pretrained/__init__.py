"""Networks whose weights come from a package: read, ordered by importance, inherited by smaller ones."""
