"""Tasks and data sets without measurements."""
