"""Tasks and data sets that nothing was measured on."""
