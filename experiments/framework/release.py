"""What must hold before a release (``make release``): this code can print every figure again."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.framework.catalogue import comparisons
from experiments.framework.comparison import FORMAT
from experiments.framework.docs import problems
from experiments.framework.imports import digest_of
from experiments.framework.machine import checkout
from experiments.framework.results import to_text


def failures(root: Path) -> list[str]:
    """Everything that keeps this checkout from a release, a line each."""
    folder, known = root / "docs" / "figures", comparisons()
    missing = [
        f"{name}.json is missing: netwright compare {name} --full"
        for name in known
        if not (folder / f"{name}.json").is_file()
    ]
    found = [line for path in sorted(folder.glob("*.json")) for line in of_figure(root, path)]
    return [*missing, *found, *problems(root)]


def of_figure(root: Path, path: Path) -> Iterator[str]:
    """What is wrong with one file of figures."""
    again = f"netwright compare {path.stem} --full"
    text = path.read_text(encoding="utf-8")
    try:
        run: dict[str, Any] = json.loads(text)
    except ValueError:
        yield f"{path.name} is no JSON: {again}"
        return
    if run.get("format") != FORMAT:
        yield f"{path.name} is of the old format and says nothing of today's code: {again}"
        return
    known = comparisons().get(path.stem)
    if known is None or run["name"] != path.stem:
        yield f"{path.name} is of no comparison"
        return
    if text != to_text(run):
        yield f"{path.name} is not as it was printed: {again}"
    if problem := of_commit(root, str(run["commit"])):
        yield f"{path.name}: {problem}: {again}"
    if run["digest"] != digest_of(known.module):
        yield f"{path.name} is of other code than this (digest {run['digest']}): {again}"
    seeds = max((len(row["seeds"]) for row in run["rows"]), default=0)
    if seeds and seeds < known.full_seeds:
        yield f"{path.name} has {seeds} seeds of {known.full_seeds}: {again}"


def of_commit(root: Path, commit: str) -> str | None:
    """Why a commit is none of this repository's; None where it is one."""
    if commit.endswith("-dirty"):
        return f"made with uncommitted changes ({commit})"
    if not commit.isalnum() or commit == "unknown":
        return f"made outside the repository ({commit})"
    command = ["git", "-C", str(root), "merge-base", "--is-ancestor", commit, "HEAD"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    return None if done.returncode == 0 else f"its commit {commit} is unknown here"


def main(arguments: Sequence[str] = ()) -> int:
    """Prints what fails; 1 where something does."""
    root = Path(arguments[0]) if arguments else checkout()
    if root is None:
        sys.stderr.write("a release is made from a checkout\n")
        return 2
    lines = failures(root)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(f"{len(lines)} problems with figures\n" if lines else "every figure is of this code\n")
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
