"""Who is confirmed, and on what."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.bench.distill import SUITES, cells, confirmation
from dfpt.bench.distill.methods import METHODS
from dfpt.errors import UsageError
from tests.unit.bench.stored_cells import ELPV, screened, trials_of


def test_the_partitions_that_confirm_are_not_the_one_that_was_searched_on() -> None:
    for suite in SUITES.values():
        assert suite.development not in suite.partitions


def test_the_best_rivals_are_confirmed_besides_those_that_always_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "is_stored", lambda *_: True)
    scores = dict.fromkeys(METHODS, 0.5) | {"dist": 0.7, "crd": 0.8, "at": 0.6, "dfpt_kd_dkd": 0.9}
    for method, score in scores.items():
        screened(tmp_path, method, score=score, trials=trials_of(method))
    chosen = confirmation.confirmed(ELPV, tmp_path)
    assert chosen == ("plain", "kd", "dist", "crd", "dfpt_kd", "dfpt_kd_plus")
    screened(tmp_path, "dkd", trials=trials_of("dkd")[:-1])
    with pytest.raises(UsageError, match="dkd has not been screened as it is now"):
        confirmation.confirmed(ELPV, tmp_path)
    screened(tmp_path, "dkd", trials=trials_of("dkd"))
    (tmp_path / "screened" / "dtkd.json").unlink()
    with pytest.raises(UsageError, match="dtkd has not been screened"):
        confirmation.confirmed(ELPV, tmp_path)


def test_every_method_has_the_same_twenty_four_cells_and_the_blocks() -> None:
    plan = confirmation.plan(ELPV, ("kd", "dfpt_kd"))
    assert len(set(plan)) == len(plan) == 2 * (24 + 2)
    ours, theirs = (
        {(cell.partition, cell.fold, cell.seed) for cell in plan if cell.method == method}
        for method in ("dfpt_kd", "kd")
    )
    assert ours == theirs
    assert {plan[0].method, plan[1].method} == {"kd", "dfpt_kd"}, "the first pair is whole after two cells"
