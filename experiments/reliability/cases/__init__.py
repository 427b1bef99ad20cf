"""The rows of docs/reliability.md, one file a theme: sizes, preparation, and what counts."""
