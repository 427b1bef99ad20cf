"""Reads the table of figures in a card."""

import ast


def facts_of(card: str) -> dict[str, object]:
    """The rows of a card's table of figures.

    >>> facts_of("| figure | value |\\n|---|---|\\n| seed | 0 |\\n| space | gnn |\\n")
    {'seed': 0, 'space': 'gnn'}
    """
    rows = [line.strip("| ").split(" | ", 1) for line in card.splitlines() if line.startswith("| ")]
    return {name: _literal(value) for name, value in rows if name != "figure"}


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
