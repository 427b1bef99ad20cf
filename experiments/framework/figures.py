"""Makes ``docs/figures`` anew: ``make figures``, ``make figures-training`` and ``make figures-reliability``.

Every comparison is what ``netwright compare NAME --full --json`` prints, in a process of its own. Two run at
a time, with one process each for their parts; those that time something run alone. A file that is of this
code already is left as it is, and parts that were computed before come from the cache, so an interrupted run
goes on where it was.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from experiments.framework.catalogue import comparisons
from experiments.framework.docs import FigureMissing, write_docs
from experiments.framework.machine import checkout, commit
from experiments.framework.registry import Registered
from experiments.framework.release import of_figure

CORES = 2

Say = Callable[[str], None]


def wanted(root: Path, group: str) -> list[Registered]:
    """Comparisons of a group whose file is absent or of other code, the longest first."""
    folder = root / "docs" / "figures"
    stale = [
        known
        for name, known in comparisons().items()
        if known.group == group
        and (not (path := folder / f"{name}.json").is_file() or any(of_figure(root, path)))
    ]
    return sorted(stale, key=lambda known: -known.hours)


def make(root: Path, group: str, say: Say) -> int:
    """Runs what is wanted; how many failed."""
    todo = wanted(root, group)
    together = [known for known in todo if not known.alone]
    hours = sum(known.hours for known in todo)
    say(f"{len(todo)} comparisons to run, about {hours:.1f} hours of {CORES} cores")
    with ThreadPoolExecutor(CORES) as pool:
        failed = sum(pool.map(lambda known: _run(root, known, 1, say), together))
    failed += sum(_run(root, known, CORES, say) for known in todo if known.alone)
    try:
        for page in write_docs(root):
            say(f"wrote the figures of {page.name}")
    except FigureMissing as error:
        say(f"pages are not written: {error.args[0]}")
    return failed


def _run(root: Path, known: Registered, workers: int, say: Say) -> bool:
    """One comparison in a process of its own; whether it failed."""
    command = [sys.executable, "-m", "netwright", "compare", known.name, "--full", "--json"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--workers", str(workers)], cwd=root, capture_output=True, text=True, check=False
    )
    minutes = (time.monotonic() - began) / 60
    if done.returncode != 0:
        say(f"{known.name} FAILED after {minutes:.1f} min\n{done.stderr[-2000:]}")
        return True
    printed = (root / "docs" / "figures" / f"{known.name}.json").read_text(encoding="utf-8") == done.stdout
    say(
        f"{known.name} made in {minutes:.1f} min"
        + ("" if printed else ", but its file is not what it printed")
    )
    return not printed


def main(arguments: Sequence[str]) -> int:
    """Makes one group: ``tables``, which is the default, ``training`` or ``reliability``."""
    root = checkout()
    if root is None or commit(root).endswith("-dirty"):
        sys.stderr.write("figures are made from a checkout without uncommitted changes\n")
        return 2

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    return 1 if make(root, arguments[0] if arguments else "tables", say) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
