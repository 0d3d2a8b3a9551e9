"""The rows of the benchmark, and what a suite makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.bench.distill import SUITES, ablate, cells, quick, screening, sweep
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import ABLATIONS, BASE, METHODS
from tests.unit.bench.stored_cells import ELPV


def test_the_rows_whose_networks_are_others_say_which() -> None:
    early = cells.configured(ELPV, Cell("eskd", ELPV.development, 0, 0), {}, ELPV.epochs)
    assert early.teacher.recipe.stop_after == 0.4
    by_assistant = cells.configured(ELPV, Cell("takd", ELPV.development, 0, 0), {}, ELPV.epochs)
    assert by_assistant.distillation.options == {"label": 1.0, **ELPV.assistant}
    for method, divergence in (("dfpt_kd", "kl"), ("dfpt_kd_dkd", "dkd"), ("dfpt_kd_ls", "ls")):
        config = cells.configured(ELPV, Cell(method, ELPV.development, 0, 0), {}, ELPV.epochs)
        assert (config.distillation.divergence, config.prompt.divergence) == (divergence, "kl")


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_ours_with_something_changed_that_was_not_searched(name: str) -> None:
    setting = METHODS[BASE].defaults
    ours, changed = (cells.configured(ELPV, Cell(method, 7, 0, 0), setting, 60) for method in (BASE, name))
    keys = {key for key, value in ABLATIONS[name].fixed.items() if METHODS[BASE].fixed.get(key) != value}
    of_another = ("affine_map_faster", "own_stages_teachers_statistics")  # these change affine_map and own_stages
    assert len(keys) == (2 if name in of_another else 1)
    assert not keys & setting.keys()
    assert ours != changed
    assert ours.student == changed.student


@pytest.mark.parametrize("name", SUITES)
def test_the_quick_form_is_a_valid_configuration_of_smaller_images(name: str) -> None:
    long, short = (
        cells.configured(suite, Cell("dfpt_kd", suite.development, 0, 0), {}, suite.epochs)
        for suite in (SUITES[name], quick(SUITES[name]))
    )
    assert short.student.recipe.epochs < long.student.recipe.epochs
    for image_size in ("data", "teacher", "student"):
        assert getattr(short, image_size).image_size <= getattr(long, image_size).image_size


def test_the_quick_form_waits_for_no_lock_of_the_long_one(tmp_path: Path) -> None:
    assert cells.locks(quick(ELPV), "screened", tmp_path) != cells.locks(ELPV, "screened", tmp_path)


def test_a_suite_of_one_question_asks_that_alone(tmp_path: Path) -> None:
    suite, out = SUITES["elpv-binary"], tmp_path / "out"
    assert [screening.settings(suite, method) for method in suite.methods] == [
        [METHODS[method].defaults] for method in suite.methods
    ]
    for tier in (ablate, sweep):
        tier(suite, out, tmp_path / "home", lambda done, total, next_: pytest.fail(next_))
    assert not out.exists()
