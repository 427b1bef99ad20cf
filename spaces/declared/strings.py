"""How architectures of a declared space are written: ``layers=2|attention=full,local,-,-``."""

from collections.abc import Sequence

import numpy as np

from spaces.declared.declaration import DeclaredVariable
from spaces.space import Choice, Codes, InvalidArchitecture

NOTHING = "-"
"""Stands where a variable is absent."""


class Spelling:
    """Strings of codes and back; says nothing of rules.

    Args:
        variables: as declared; a repeated one's entries are separated by commas.
    """

    def __init__(self, variables: Sequence[DeclaredVariable]) -> None:
        self._variables = tuple(variables)
        self._words = [[*map(spelled, variable.choices), NOTHING] for variable in variables]
        self.longest = sum(
            len(variable.name) + 1 + len(variable.entries) * (max(map(len, words)) + 1)
            for variable, words in zip(variables, self._words, strict=True)
        )

    def format(self, codes: Codes) -> list[str]:
        """Strings of canonical codes (b, v)."""
        strings = []
        for row in codes.tolist():
            parts, place = [], 0
            for variable, words in zip(self._variables, self._words, strict=True):
                own = row[place : place + len(variable.entries)]
                place += len(own)
                parts.append(f"{variable.name}={','.join([words[code] for code in own])}")
            strings.append("|".join(parts))
        return strings

    def parse(self, text: str, example: str) -> Codes:
        """Codes (v,) of a string, which need not be canonical or an architecture.

        Raises:
            InvalidArchitecture: with the position and a hint.
        """
        hint = f"for example {example}"
        if len(text) > self.longest:
            message = f"the string has {len(text):,} characters, more than any architecture"
            raise InvalidArchitecture(message, position=self.longest, hint=hint)
        codes: list[int] = []
        position = 0
        for index, (variable, words) in enumerate(zip(self._variables, self._words, strict=True)):
            start = f"{'|' if index else ''}{variable.name}="
            if not text.startswith(start, position):
                message = f"{start!r} is due at position {position}"
                raise InvalidArchitecture(message, position=position, hint=hint)
            position += len(start)
            end = text.find("|", position)
            parts = text[position : end if end >= 0 else len(text)].split(",")
            if len(parts) != len(variable.entries):
                message = f"{variable.name} has {len(variable.entries)} values, not {len(parts)}"
                raise InvalidArchitecture(message, position=position, hint=hint)
            known = words if variable.active else words[:-1]
            for part in parts:
                if part not in known:
                    message = f"no choice of {variable.name} at position {position}"
                    raise InvalidArchitecture(message, position=position, hint=f"one of {', '.join(known)}")
                codes.append(words.index(part))
                position += len(part) + 1
            position -= 1
        if position < len(text):
            message = f"the architecture ends at position {position}, but text follows"
            raise InvalidArchitecture(message, position=position, hint=hint)
        return np.array(codes, dtype=np.int8)


def spelled(choice: Choice) -> str:
    """A choice as text.

    >>> spelled(True), spelled(256), spelled(0.5)
    ('true', '256', '0.5')
    """
    return str(choice).lower() if isinstance(choice, bool) else str(choice)
