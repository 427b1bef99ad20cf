"""Results cached by content: the same code, tables, machine and question give the same file."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path


class Results:
    """A folder of JSON values named by what they answer.

    Args:
        folder: made when needed.
        context: everything that every answer depends on.
    """

    def __init__(self, folder: Path, context: Sequence[object]) -> None:
        self.folder = folder
        self.context = context

    def path(self, question: object) -> Path:
        """The file of an answer.

        Raises:
            TypeError: for a question that is no JSON.
        """
        text = json.dumps([*self.context, question], sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"

    def get(self, question: object) -> object | None:
        """The answer; None where there is none, or it is damaged."""
        try:
            return json.loads(self.path(question).read_text())  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return None

    def put(self, question: object, answer: object) -> None:
        """Keeps an answer."""
        write_text(self.path(question), to_text(answer))


def to_text(value: object) -> str:
    """The one text of a JSON value, as it is printed and as it is written.

    Raises:
        ValueError: for a number that is not finite.
    """
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Writes a file so that a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}-{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
