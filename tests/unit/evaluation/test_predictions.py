from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfpt.errors import StepFailed
from dfpt.evaluation import predictions

IMAGES = pd.DataFrame({"id": ["a", "b"], "label": [1, 0], "sha256": ["x", "y"], "wafer": ["mono", None]}, index=[7, 9])
PROBABILITIES = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    predictions.write(tmp_path / "p.parquet", IMAGES, {"teacher": PROBABILITIES[::-1], "student": PROBABILITIES})
    ids, labels, found = predictions.read(tmp_path / "p.parquet", "student")
    assert (ids, labels.tolist()) == (["a", "b"], [1, 0])
    assert found.dtype == np.float32
    assert np.array_equal(found, PROBABILITIES)
    assert list(pd.read_parquet(tmp_path / "p.parquet")) == ["id", "label", "sha256", "wafer", "teacher", "student"]


def test_equal_predictions_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        predictions.write(tmp_path / name, IMAGES, {"student": PROBABILITIES})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_missing_file_column_or_answer_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    with pytest.raises(StepFailed, match="Cannot read"):
        predictions.read(path, "student")
    predictions.write(path, IMAGES, {"teacher": PROBABILITIES})
    with pytest.raises(StepFailed, match="Cannot read"):
        predictions.read(path, "student")
    pd.DataFrame({"id": ["a"], "label": [0], "student": [None]}).to_parquet(path)
    with pytest.raises(StepFailed, match="Cannot read"):
        predictions.read(path, "student")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StepFailed, match="Cannot read"):
        predictions.read(path, "student")


def test_softmax_stands_large_logits() -> None:
    found = predictions.softmax(np.array([[1000.0, 1000.0], [0.0, np.log(3.0)]], np.float32))
    assert found == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))
