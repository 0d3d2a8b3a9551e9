"""Which settings are tried, and which of them go on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dfpt.bench.distill import Suite, cells, screening
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import METHODS, Range
from dfpt.distill.methods import METHODS as RIVALS
from tests.unit.bench.stored_cells import ELPV, said, screened, stored, trials_of


@pytest.mark.parametrize("method", METHODS)
def test_every_trial_of_every_method_is_a_valid_configuration(method: str) -> None:
    for setting in screening.settings(ELPV, method):
        config = cells.configured(ELPV, Cell(method, ELPV.development, 0, 0), setting, ELPV.epochs)
        assert config.student.recipe.epochs == ELPV.epochs
        assert config.data.fold is not None
        assert config.data.fold.seed == ELPV.development
        name = config.distillation.method
        if name in RIVALS:
            RIVALS[name].options.model_validate(config.distillation.options)
        else:
            assert name == ("dfpt-kd+" if "plus" in method else "dfpt-kd")


@pytest.mark.parametrize("method", METHODS)
def test_trials_start_with_the_defaults_and_fill_the_ranges(method: str) -> None:
    found = screening.settings(ELPV, method)
    assert found == screening.settings(ELPV, method)
    assert len(found) == ELPV.trials
    assert found[0] == METHODS[method].defaults
    for key, searched in METHODS[method].searched.items():
        values = [setting[key] for setting in found[1:]]
        middle = (searched.low * searched.high) ** 0.5
        assert searched.low <= min(values) < middle < max(values) <= searched.high
        assert len(set(values)) == len(values)
        assert not screening.at_edge(searched.default, searched)


def test_the_defaults_and_the_best_of_every_few_go_on() -> None:
    trials = [
        {"name": n, "rungs": [{"score": score}]} for n, score in enumerate([0.1, 0.4, 0.9, 0.3, 0.8, 0.2, 0.5, 0])
    ]
    assert [trial["name"] for trial in screening.surviving(trials, 8)] == [0, 2]
    assert [trial["name"] for trial in screening.surviving(trials, 4)] == [0, 2, 4]
    assert [trial["name"] for trial in screening.surviving(trials[:2], 8)] == [0, 1]


def test_an_optimum_at_the_end_of_its_range_is_told() -> None:
    searched = Range(0.1, 1000.0, 1.0)
    assert screening.at_edge(0.11, searched)
    assert screening.at_edge(900.0, searched)
    assert not screening.at_edge(0.2, searched)
    assert not screening.at_edge(500.0, searched)


def test_a_screen_with_other_trials_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0], [0]))
    monkeypatch.setattr(screening, "_rung", lambda *_: pytest.fail("searched again"))
    monkeypatch.setattr(cells, "is_stored", lambda *_: True)

    def search(suite: Suite) -> None:
        screened(tmp_path, "kd", trials=trials_of("kd"))
        screening.search(suite, "kd", tmp_path, tmp_path)

    search(ELPV)
    for other in ({"trials": 7}, {"rungs": (4, 8)}, {"rungs": (16,)}):
        with pytest.raises(pytest.fail.Exception, match="searched again"):
            search(dataclasses.replace(ELPV, **other))
