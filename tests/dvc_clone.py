"""What DVC needs of a clone, set to the smoke profile on digits, and a ``dfpt`` for its stages to call."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DVC = (sys.executable, "-m", "dvc")


def make(place: Path, *assignments: str) -> Path:
    """The clone, ``place/clone``.

    Args:
        assignments: ``a.b=c``, of the profile, whose value wins over the file's.
    """
    clone = place / "clone"
    shutil.copytree(ROOT / "dfpt", clone / "dfpt", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data" / "expectations", clone / "data" / "expectations")
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, clone)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["profile"], params["data"]["source"] = "smoke", "digits"
    for assignment in assignments:
        keys, _, value = assignment.partition("=")
        section = params["profiles"]["smoke"]
        *above, last = keys.split(".")
        for key in above:
            section = section.setdefault(key, {})
        section[last] = yaml.safe_load(value)
    (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    program = place / "bin" / "dfpt"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dfpt.cli.main "$@"\n')
    program.chmod(0o755)
    subprocess.run([*DVC, "init", "--no-scm", "--quiet"], cwd=clone, check=True)
    return clone


def path(place: Path) -> str:
    """PATH, with that ``dfpt`` first."""
    return f"{place / 'bin'}:{os.environ['PATH']}"
