from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "dfpt"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package as pip would install it: without the clone round it."""
    shutil.copytree(PACKAGE, tmp_path / "dfpt", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def revision(place: Path) -> str:
    code = "from dfpt.runtime import code_revision; print(code_revision())"
    return subprocess.check_output([sys.executable, "-c", code], cwd=place, text=True)


def test_it_changes_with_the_code_of_steps_and_with_nothing_else(copy: Path) -> None:
    before = revision(copy)
    assert before == revision(PACKAGE.parent)
    (copy / "dfpt" / "cli" / "main.py").write_text("# reworded")
    (copy / "dfpt" / "notes.md").write_text("docs")
    assert revision(copy) == before
    (copy / "dfpt" / "files.py").open("a").write("\n# changed\n")
    assert revision(copy) != before
