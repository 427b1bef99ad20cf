"""Masked (absorbing) discrete diffusion over the slots of a graph (Austin et al., NeurIPS 2021, "D3PM")."""
