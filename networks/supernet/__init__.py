"""One network whose weights serve every architecture of a space."""
