"""Results cached by content: the same code, tables, machine and question give the same file."""

import hashlib
import importlib.util
import json
import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_SUFFIXES = {".py", ".json", ".safetensors"}


@cache
def code_digest(packages: Sequence[str]) -> str:
    """A SHA-256 over the source and the weights of packages, none of which is imported."""
    digest = hashlib.sha256()
    for package in sorted(packages):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            root = Path(folder)
            for path in sorted(path for path in root.rglob("*") if path.suffix in _SUFFIXES):
                content = path.read_bytes()
                digest.update(f"{package}/{path.relative_to(root)} {len(content)}\n".encode())
                digest.update(content)
    return digest.hexdigest()


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
        write_json(self.path(question), answer)


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file so that a reader sees all of it or none.

    Raises:
        ValueError: for a number that is not finite.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}-{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
