"""Trained weights that ship, each with a card that names data, command and figures; read-only."""

from pathlib import Path

ROOT = Path(__file__).parent
