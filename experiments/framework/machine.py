"""Where a figure comes from: the machine, without its name or paths, and the commit."""

import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

from networks.latency.machine import processor

_LIBRARIES = ("numpy", "scipy", "torch", "torch-geometric", "xgboost", "gpytorch", "botorch", "onnxruntime")


@cache
def machine() -> dict[str, object]:
    """Processor, cores this process may use, memory, and versions of what computes."""
    return {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version for name in _LIBRARIES if (version := _version(name)) is not None},
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def checkout() -> Path | None:
    """The root of the checkout that this code runs from; None where it was installed otherwise."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / ".git").exists() and (root / "pyproject.toml").is_file() else None


def commit(root: Path | None) -> str:
    """The commit of a checkout, ``-dirty`` where more than docs has changed; ``unknown`` without one."""
    if root is None:
        return "unknown"
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changes = _git(root, "status", "--porcelain", "--", ".", ":(exclude)docs", ":(exclude)*.md")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{head}-dirty" if changes else head


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()
