"""What is generated, and whether bounds hold."""
