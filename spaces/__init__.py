"""What an architecture is: spaces, their strings, graphs and exact statistics. No torch here."""
