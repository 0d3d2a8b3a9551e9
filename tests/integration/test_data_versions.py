"""The auditor's story: which data made which student, and the older data make the older student again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dfpt.files import sha256
from tests import versioned
from tests.versioned import git, program

pytest_plugins = ("tests.versioned",)

STUDENT = Path("artifacts/distil/student/model.safetensors")


@pytest.mark.slow
def test_a_checkout_of_an_older_revision_retrains_the_older_student(repository: Path, s3: str) -> None:
    versioned.add_remote(repository, s3)
    line = repository / "data" / "line"
    students, commits = [], []
    for first, last in ((0, 320), (320, 480)):
        versioned.write_digits(line, first, last)
        program(repository, "dfpt.cli.main", "data", "add", "data/line")
        program(repository, "dvc", "repro")
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", f"{last} digits")
        commits.append(git(repository, "rev-parse", "HEAD")[:12])
        students.append(sha256(repository / STUDENT))
    assert students[0] != students[1]
    program(repository, "dfpt.cli.main", "data", "push", "--all")

    listed = json.loads(program(repository, "dfpt.cli.main", "data", "versions", "--json"))
    assert [version["images"] for version in listed] == [480, 320]
    assert [[one["commit"] for one in version["revisions"]] for version in listed] == [[commits[1]], [commits[0]]]
    assert [[model["weights_sha256"] for model in version["models"]] for version in listed] == [
        [students[1]], [students[0]],
    ]  # fmt: skip

    # Another machine: the older revision, its images from the remote, no result of any step.
    git(repository, "checkout", "--quiet", commits[0])
    for gone in (line, repository / ".dvc" / "cache", repository / "artifacts"):
        shutil.rmtree(gone)
    program(repository, "dvc", "pull", "data/line.dvc")
    assert len(list(line.rglob("*.png"))) == 320
    program(repository, "dvc", "repro", "distil")
    assert sha256(repository / STUDENT) == students[0]
