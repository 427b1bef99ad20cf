"""Measuring how fast networks run on this machine. Importing it loads neither torch nor ONNX Runtime."""
