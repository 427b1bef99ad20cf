"""What a request says, and whether it can be answered."""
