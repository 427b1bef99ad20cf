"""A trained network as files that run elsewhere: torch, ONNX, int8, and a card measured from them.

Importing it loads no torch.
"""
