"""What users ask for, one file an ask: its rows fail when the ability is taken out."""
