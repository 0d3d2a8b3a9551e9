from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dfpt.errors import DataRefused, DfptError, StepFailed, UsageError
from dfpt.runtime import trouble


@pytest.mark.parametrize("error", [DataRefused("no", "do"), UsageError("no", "do"), StepFailed("no", "do")])
def test_an_error_crosses_the_border_between_processes_with_its_exit_code(tmp_path: Path, error: DfptError) -> None:
    trouble.leave(tmp_path / "error.json", "distil", error)
    found = trouble.found(tmp_path / "error.json")
    assert found is not None
    assert (found.message, found.remedy, found.exit_code) == ("no", "do", error.exit_code)


def test_the_traceback_of_a_fault_crosses_too(tmp_path: Path) -> None:
    try:
        [].pop()
    except IndexError as error:
        explained = trouble.explain(error, "distil", tmp_path)
        explained.__cause__ = error
    trouble.leave(tmp_path / "error.json", "distil", explained)
    found = trouble.found(tmp_path / "error.json")
    assert found is not None
    assert "[].pop()" in found.__notes__[0]


def test_no_error_is_found_where_none_was_left(tmp_path: Path) -> None:
    assert trouble.found(tmp_path / "error.json") is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (MemoryError(), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("bad"), "ValueError: bad"),
    ],
)
def test_what_went_wrong_is_said_with_where_and_what_to_do(tmp_path: Path, error: BaseException, words: str) -> None:
    explained = trouble.explain(error, "distil", tmp_path)
    assert isinstance(explained, StepFailed)
    assert "distil" in explained.message
    assert words in explained.message
    assert explained.remedy


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_a_path_that_cannot_be_used_is_wrong_usage_and_named(tmp_path: Path, code: int) -> None:
    explained = trouble.explain(OSError(code, os.strerror(code), "x" * 5000), "distil", tmp_path)
    assert isinstance(explained, UsageError)
    assert os.strerror(code) in explained.message
    assert len(explained.message) < 300


@pytest.mark.parametrize("place", ["/proc/none", "x" * 5000])
def test_what_is_no_disk_is_not_full(place: str) -> None:
    assert not trouble.disk_is_full(Path(place))


def test_an_error_that_was_raised_on_purpose_stays_as_it_is(tmp_path: Path) -> None:
    error = DataRefused("no")
    assert trouble.explain(error, "validate", tmp_path) is error
