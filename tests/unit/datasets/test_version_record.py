from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfpt.datasets import version_record
from dfpt.datasets.task import Task
from dfpt.datasets.version_record import Record
from dfpt.errors import UsageError


def record(seed: int, good: int = 500, bad: int = 500, shift: float = 0.0) -> Record:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "label_name": ["good"] * good + ["bad"] * bad,
            "mean": random.normal(0.4 + shift, 0.1, good + bad),
            "std": random.normal(0.2, 0.02, good + bad),
        }
    )
    return version_record.of(Task("folder:/x", ("good", "bad"), None, (), 1, 32, None, f"{seed:064x}"), table)


def test_what_may_be_chance_is_no_change() -> None:
    moved = [version_record.changes(record(2 * n), record(2 * n + 1, 490, 510)) for n in range(50)]
    assert sum((shares["change"] > 0).any() for shares, _ in moved) <= 2
    assert sum((statistics["distance"] > 0).any() for _, statistics in moved) <= 5  # 2 statistics at 1 % each


def test_a_share_and_a_statistic_that_moved_are_measured() -> None:
    shares, statistics = version_record.changes(record(1, 700, 300), record(0, shift=-0.1))
    assert shares["change"].tolist() == pytest.approx([0.2, 0.2])
    assert shares.index[0] == "'bad' (50.0%, now 30.0%)"
    assert statistics.index[0].startswith("brightness (median 0.")
    assert statistics["distance"].iloc[0] == pytest.approx(0.38, abs=0.05)  # of two normals a deviation apart
    assert statistics["distance"].iloc[1] == 0


def test_a_class_that_is_new_or_gone_is_a_change_of_its_share() -> None:
    shares, _ = version_record.changes(record(1, 1000, 0), record(0))
    assert shares["change"].tolist() == pytest.approx([0.5, 0.5])


def test_the_version_before_is_the_newest_older_one_also_when_a_version_comes_again(tmp_path: Path) -> None:
    first, second, third = (record(seed) for seed in range(3))
    assert version_record.before(tmp_path, first.source, first.data_hash) is None
    version_record.keep(tmp_path, first)
    version_record.keep(tmp_path, second)
    version_record.keep(tmp_path, record(0))  # again: keeps its place
    assert version_record.before(tmp_path, first.source, third.data_hash) == second
    assert version_record.before(tmp_path, first.source, second.data_hash) == first
    assert version_record.before(tmp_path, first.source, first.data_hash) is None
    assert version_record.before(tmp_path, "folder:/y", third.data_hash) is None
    assert version_record.known(tmp_path) == [first, second]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    version_record.keep(tmp_path, record(0))
    (path,) = (tmp_path / version_record.FOLDER).glob("*/*.json")
    path.write_text("{}")
    with pytest.raises(UsageError, match="is no record of a data version"):
        version_record.known(tmp_path)
