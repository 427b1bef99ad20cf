"""Models that predict a quantity of an architecture, with honest intervals."""
