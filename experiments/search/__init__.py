"""Searches beside their rivals, on tables and with evaluations that train and time networks."""
