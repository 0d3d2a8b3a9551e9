"""Which code made a result."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

# What cannot change a step's result: a reworded message must not train everything again.
_SHELLS = {
    "approvals",
    "bench",
    "cli",
    "cluster",
    "logs.py",
    "runtime",
    "schedules",
    "serving",
    "tracking",
    "triggers",
    "versioning",
}


@cache
def code_revision() -> str:
    """SHA-256 over the sources of what steps run. The same in a clone and in a wheel made of it; docs do not count."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        inside = file.relative_to(package)
        if inside.parts[0] not in _SHELLS:
            digest.update(f"{inside.as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def git_revision() -> str | None:
    """The commit of the clone that the package is in, ``-dirty`` if files differ from it; an image has it in its
    environment; None elsewhere."""
    if built := os.environ.get("DFPT_GIT_REVISION"):
        return built
    clone = Path(__file__).parents[2]
    if not (clone / ".git").exists():
        return None
    command = ["git", "-C", str(clone), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
