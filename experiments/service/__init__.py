"""The running service: designs of the demonstration, speed, and how it grows."""
