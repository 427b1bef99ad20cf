"""Features that need no training, one kind a file; see :mod:`encoders.features`."""
