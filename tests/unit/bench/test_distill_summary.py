"""The benchmark's figures come from stored answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dfpt.bench.distill import SUITES, answers, cells, comparison, gap, summarise
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import BASE, METHODS
from dfpt.cli.main import app
from dfpt.errors import UsageError
from tests.unit.bench.stored_cells import ELPV, said, screened, stored

STUDENTS = ("tiny_20k", "tiny_60k", "tiny_200k")


def test_answers_come_back_and_equal_ones_are_equal_bytes(tmp_path: Path) -> None:
    found = said([0, 1, 2], [0, 2, 2], [1, 1, 1])
    for name in ("a", "b"):
        answers.write(tmp_path / name, found)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = answers.read(tmp_path / "a")
    assert again.ids == found.ids
    np.testing.assert_array_equal(again.labels, [0, 2, 2])
    np.testing.assert_allclose(again.probabilities, found.probabilities)
    np.testing.assert_array_equal(again.corrupted["noise"], [1, 1, 1])


def test_answers_that_were_cut_off_are_one_clear_error(tmp_path: Path) -> None:
    answers.write(tmp_path / "a.gz", said([0, 1, 2], [0, 2, 2]))
    content = (tmp_path / "a.gz").read_bytes()
    (tmp_path / "a.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match="Cannot read"):
        answers.read(tmp_path / "a.gz")


def test_differences_are_paired_by_partition_fold_and_seed(tmp_path: Path) -> None:
    labels = [0, 1, 2, 0]
    for seed, kd, ours in ((0, [0, 1, 0, 1], [0, 1, 2, 1]), (1, [0, 1, 2, 1], [0, 1, 2, 0])):
        stored(tmp_path, "confirmed", Cell("kd", 4201, 0, seed), said(kd, labels))
        stored(tmp_path, "confirmed", Cell("dfpt_kd", 4201, 0, seed), said(ours, labels))
    stored(tmp_path, "confirmed", Cell("dfpt_kd", 4202, 0, 0), said([1, 0, 0, 1], labels))  # has no partner
    stored(tmp_path, "confirmed", Cell("kd", cells.BLOCK, 0, 0), said([1, 0, 0, 1], labels))  # is another question
    found = {row["method"]: row for row in summarise(ELPV, tmp_path)["methods"]}
    assert found["dfpt_kd"]["delta_vs_kd"] == pytest.approx((0.25 + 0.25) / 2)
    assert found["dfpt_kd"]["pairs"] == 2
    assert found["dfpt_kd"]["tier"] == "confirmed"
    low, high = found["dfpt_kd"]["delta_vs_kd_ci"]
    assert 0 <= low < 0.25 < high <= 1
    assert found["kd"]["delta_vs_kd_ci"] == (0, 0)
    assert found["kd"]["accuracy_mean"] == pytest.approx((0.5 + 0.75) / 2)
    assert found["kd"]["accuracy_std"] == pytest.approx(0.25 / 2**0.5)
    assert found["kd"]["block_accuracy_mean"] == 0
    assert found["kd"]["accuracy_under_noise_mean"] == pytest.approx((0.5 + 0.75) / 2)
    assert found["kd"]["defect_recall_mean"] == pytest.approx(0.5)
    written = {row["method"]: row for row in json.loads((tmp_path / "summary.json").read_text())["methods"]}
    assert written["dfpt_kd"]["delta_vs_kd_ci"] == [low, high]


def test_who_waits_for_the_summary_hears_of_each_row(tmp_path: Path) -> None:
    stored(tmp_path, "confirmed", Cell("kd", 4201, 0, 0), said([0, 1], [0, 1]))
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0, 1], [0, 1]))
    heard: list[tuple[int, int, str]] = []
    summarise(ELPV, tmp_path, lambda *told: heard.append(told))
    assert heard == [(0, 2, "kd, confirmed"), (1, 2, "kd, screened")]


def test_an_ablation_is_held_against_ours_by_seed(tmp_path: Path) -> None:
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0, 1], [0, 1]))
    labels = [0, 1, 2, 0]
    for seed, ours, other in ((0, [0, 1, 2, 1], [0, 1, 0, 1]), (1, [0, 1, 2, 0], [0, 1, 2, 1])):
        stored(tmp_path, "ablated", Cell(BASE, 7, 0, seed), said(ours, labels))
        stored(tmp_path, "ablated", Cell("affine_map", 7, 0, seed), said(other, labels))
    rows = {row["method"]: row for row in summarise(ELPV, tmp_path)["ablations"]}
    assert rows.keys() == {BASE, "affine_map"}
    assert rows["affine_map"]["delta_vs_dfpt_kd"] == pytest.approx(-0.25)
    assert rows["affine_map"]["pairs"] == 2
    assert rows[BASE]["delta_vs_dfpt_kd"] == 0


def test_the_slope_of_the_gap_sweep_is_that_of_gain_on_gap(tmp_path: Path) -> None:
    """Three pairs whose gain is half their gap, whichever images are drawn, give a slope of 0.5."""
    suite = dataclasses.replace(ELPV, gap_teachers=("efficientnet_lite0",), gap_students=STUDENTS)
    count = 600
    labels = [0] * count
    for student, wrong in zip(STUDENTS, (2, 3, 6), strict=True):  # of so many images the plain student misses one
        missed = [int(n % wrong == 0) for n in range(count)]
        half = [int(n % (2 * wrong) == 0) for n in range(count)]
        for method, called in (("plain", missed), ("kd", missed), ("dfpt_kd_plus", half), ("teacher", labels)):
            of_pair(tmp_path, student, method, 0, said(called, labels))
    found = gap.summarise(suite, tmp_path)
    assert found is not None
    by_student = {pair["student"]: pair for pair in found["pairs"]}
    assert by_student["tiny_20k"]["gap"] == pytest.approx(1 / 2)
    assert by_student["tiny_20k"]["gain"] == pytest.approx(1 / 4)
    assert found["slope"] == pytest.approx(0.5)
    low, high = found["slope_ci"]
    assert 0.3 < low < 0.5 < high < 0.7


def test_a_pair_whose_students_are_not_all_there_is_no_point(tmp_path: Path) -> None:
    suite = dataclasses.replace(ELPV, gap_teachers=("efficientnet_lite0",), gap_students=STUDENTS)
    for method, seed in (("teacher", 0), ("plain", 0), ("kd", 0), ("dfpt_kd_plus", 1)):
        of_pair(tmp_path, "tiny_20k", method, seed, said([0], [0]))
    assert gap.summarise(suite, tmp_path) is None, "no seed is whole"


def test_a_point_is_of_the_seeds_that_every_method_has(tmp_path: Path) -> None:
    suite = dataclasses.replace(ELPV, gap_teachers=("efficientnet_lite0",), gap_students=STUDENTS)
    for method, seed, called in (
        ("teacher", 0, [0, 1]),
        ("plain", 0, [0, 0]),
        ("kd", 0, [0, 0]),
        ("kd", 1, [0, 1]),
        ("dfpt_kd_plus", 0, [0, 0]),
    ):
        of_pair(tmp_path, "tiny_20k", method, seed, said(called, [0, 1]))
    found = gap.summarise(suite, tmp_path)
    assert found is not None
    (point,) = found["pairs"]
    assert (point["seeds"], point["kd_accuracy"], point["gain"]) == (1, 0.5, 0)


def test_the_student_alone_is_one_under_every_teacher(tmp_path: Path) -> None:
    teachers = ("efficientnet_lite0", "efficientnet_lite1")
    suite = dataclasses.replace(ELPV, gap_teachers=teachers, gap_students=STUDENTS)
    for teacher in teachers:
        for method in ("teacher", "kd", "dfpt_kd_plus"):
            of_pair(tmp_path, "tiny_20k", method, 0, said([0, 1], [0, 1]), teacher)
    of_pair(tmp_path, "tiny_20k", "plain", 0, said([0, 0], [0, 1]))
    found = gap.summarise(suite, tmp_path)
    assert found is not None
    assert [(pair["teacher"], pair["gap"]) for pair in found["pairs"]] == [(teacher, 0.5) for teacher in teachers]


def of_pair(
    out: Path, student: str, method: str, seed: int, found: Answers, teacher: str = "efficientnet_lite0"
) -> None:
    networks = (f"teacher.model={teacher}", f"student.model={student}", "student.pretrained=false")
    suite = dataclasses.replace(ELPV, assignments=(*ELPV.assignments, *networks))
    stored(out, "gap", Cell(method, ELPV.development, 0, seed), found, suite, out / "gap" / f"{teacher}-{student}")


def test_the_summary_names_every_machine_and_day_once_the_gap_sweeps_too(tmp_path: Path) -> None:
    for seed in (0, 1):
        stored(tmp_path, "screened", Cell("kd", 7, 0, seed), said([0, 1], [0, 1]))
    (one,) = summarise(ELPV, tmp_path)["machines"]
    of_pair(tmp_path, "tiny_20k", "kd", 0, said([0, 1], [0, 1]))
    path = tmp_path / "gap" / "efficientnet_lite0-tiny_20k" / "kd-7-0-0.json"
    later = json.loads(path.read_text()) | {"machine": one | {"date": "2026-12-01"}}
    path.write_text(json.dumps(later))
    assert summarise(ELPV, tmp_path)["machines"] == [one, later["machine"]]


def test_the_summary_says_what_tuning_brought(tmp_path: Path) -> None:
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0, 1], [0, 1]))
    screened(tmp_path, "kd", at_edge=["a"], score=0.75, defaults_score=0.7, trials=[{}, {}])
    (row,) = summarise(ELPV, tmp_path)["tuning"]
    assert row["gain_by_tuning"] == pytest.approx(0.05)
    assert row["at_edge"] == ["a"]
    assert row["trials"] == 2


def test_the_goals_are_held_against_what_was_confirmed(tmp_path: Path) -> None:
    labels = [0, 1, 2, 0]
    called = {
        "plain": [0, 1, 0, 1],
        "kd": [0, 1, 0, 0],
        "dist": [1, 1, 0, 0],
        "dkd": [0, 1, 2, 0],
        "dfpt_kd_plus": labels,
    }
    for method, classes in called.items():
        metrics = {"training_seconds": 20.0, "tuning_seconds": 10.0} if method == "dfpt_kd_plus" else {}
        stored(tmp_path, "confirmed", Cell(method, 4201, 0, 0), said(classes, labels), **metrics)
    summary = summarise(ELPV, tmp_path)
    assert (summary["confirmed_cells"], summary["planned_cells"]) == (5, 156)
    found = {goal["goal"]: goal for goal in summary["goals"]}
    reached = {name: (pytest.approx(goal["found"]), goal["reached"]) for name, goal in found.items()}
    assert reached == {
        "accuracy less kd's": (0.25, False),  # its interval holds 0
        "accuracy less plain's": (0.5, True),
        "accuracy less dkd's": (0.0, True),
        "macro-F1 less kd's": (1 - (0.8 + 1) / 3, True),
        "share by which KL(path || student) is lower": (0.4, True),
        "accuracy that the prompt path loses": (-0.01, True),
        "training time of dfpt_kd_plus over kd's": (3.0, False),
    }
    assert found["accuracy less kd's"]["interval"][0] == 0


def test_the_best_rival_is_the_best_where_all_were_asked(tmp_path: Path) -> None:
    labels = [0, 1, 2, 0]
    for method, called in (("dkd", [0, 1, 2, 1]), ("dist", [0, 1, 1, 1]), ("dfpt_kd_plus", labels)):
        stored(tmp_path, "confirmed", Cell(method, 4201, 0, 0), said(called, labels))
    stored(tmp_path, "confirmed", Cell("dist", 4202, 0, 0), said(labels, labels))  # a fold that is easy
    (goal,) = [goal for goal in summarise(ELPV, tmp_path)["goals"] if goal["goal"].startswith("accuracy less")]
    assert goal["goal"] == "accuracy less dkd's"


def test_the_binary_suite_asks_whether_an_image_is_defective(tmp_path: Path) -> None:
    suite, labels = SUITES["elpv-binary"], [0, 1, 2, 0]
    stored(tmp_path, "confirmed", Cell("dfpt_kd_plus", 4201, 0, 0), said(labels, labels), suite)
    stored(tmp_path, "confirmed", Cell("teacher", 4201, 0, 0), said([0, 1, 2, 2], labels), suite)
    found = {goal["goal"]: (goal["found"], goal["reached"]) for goal in summarise(suite, tmp_path)["goals"]}
    assert found == {
        "teacher, binary": (0.75, False),
        "student, binary": (1.0, True),
        "teacher less student, binary": (-0.25, True),
    }


def test_kappa_is_of_the_severity_whatever_the_wafer(tmp_path: Path) -> None:
    probabilities = np.eye(8)[[4, 7, 0, 3]]  # the severity is right, the wafer is not
    ids = ("a", "b", "c", "d")
    stored(tmp_path, "confirmed", Cell("kd", 4201, 0, 0), Answers(ids, np.array([0, 3, 4, 7]), probabilities, {}))
    (row,) = summarise(ELPV, tmp_path)["methods"]
    assert (row["accuracy_mean"], row["quadratic_kappa_mean"]) == (0, 1)


def test_without_an_order_of_the_classes_there_is_no_kappa(tmp_path: Path) -> None:
    stored(tmp_path, "confirmed", Cell("kd", 4201, 0, 0), said([0, 1], [0, 1]), SUITES["digits"])
    (row,) = summarise(SUITES["digits"], tmp_path)["methods"]
    assert "quadratic_kappa_mean" not in row


def test_cells_of_an_older_suite_or_setting_are_left_out(tmp_path: Path) -> None:
    older = dataclasses.replace(ELPV, epochs=5)
    stored(tmp_path, "confirmed", Cell("kd", 4201, 0, 0), said([0, 1], [0, 1]))
    stored(tmp_path, "confirmed", Cell("plain", 4201, 0, 0), said([0], [0]), older)
    stored(tmp_path, "confirmed", Cell("dist", 4201, 0, 0), said([0, 1], [0, 1]))
    screened(tmp_path, "dist", setting=METHODS["dist"].defaults | {"distillation.options.temperature": 2.0})
    stored(tmp_path, "confirmed", Cell("dkd", 4201, 0, 0), said([0, 1], [0, 1]))
    screened(tmp_path, "dkd", setting={"distillation.options.knowledge": 1.0})  # of when one number was searched
    assert [row["method"] for row in summarise(ELPV, tmp_path)["methods"]] == ["kd"]


def test_answers_whose_record_is_not_written_yet_are_left_out(tmp_path: Path) -> None:
    for method in ("kd", "plain"):
        stored(tmp_path, "confirmed", Cell(method, 4201, 0, 0), said([0, 1], [0, 1]))
    (tmp_path / "confirmed" / "plain-4201-0-0.json").unlink()
    assert [row["method"] for row in summarise(ELPV, tmp_path)["methods"]] == ["kd"]


def test_answers_about_other_images_are_not_held_against_each_other(tmp_path: Path) -> None:
    stored(tmp_path, "confirmed", Cell("kd", 4201, 0, 0), said([0, 1], [0, 1]))
    stored(tmp_path, "confirmed", Cell("dist", 4201, 0, 0), said([0, 1, 0], [0, 1, 0]))
    with pytest.raises(UsageError, match=r"dist-4201-0-0 and kd-4201-0-0 .* different images"):
        summarise(ELPV, tmp_path)


def test_the_difference_is_also_that_without_the_images_of_the_search(tmp_path: Path) -> None:
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0, 1], [0, 1]))  # image-0 and image-1
    stored(tmp_path, "confirmed", Cell("kd", 4201, 0, 0), said([1, 0, 2, 1], [0, 1, 2, 0]))
    stored(tmp_path, "confirmed", Cell("dfpt_kd", 4201, 0, 0), said([0, 1, 2, 0], [0, 1, 2, 0]))
    found = {row["method"]: row for row in summarise(ELPV, tmp_path)["methods"] if row["tier"] == "confirmed"}
    assert found["dfpt_kd"]["delta_vs_kd"] == pytest.approx(3 / 4)
    assert found["dfpt_kd"]["delta_vs_kd_elsewhere"] == pytest.approx(1 / 2)


def test_without_confirmed_cells_no_goal_is_judged(tmp_path: Path) -> None:
    stored(tmp_path, "screened", Cell("dfpt_kd_plus", 7, 0, 0), said([0, 1], [0, 1]))
    assert summarise(ELPV, tmp_path)["goals"] == []


def test_the_interval_is_that_of_a_mean_over_images_and_runs() -> None:
    random = np.random.default_rng(1)
    differences = random.normal(0.02, 0.3, 4000)
    ids = [str(number) for number in range(len(differences))]
    values = dict(zip(ids, differences, strict=True))
    low, high = comparison.interval({(1, 0): values, (2, 0): values})
    half = 1.96 * differences.std() / len(differences) ** 0.5
    assert low == pytest.approx(differences.mean() - half, abs=half / 10)
    assert high == pytest.approx(differences.mean() + half, abs=half / 10)
    apart = {(n, 0): dict.fromkeys(ids, value) for n, value in enumerate((0.0, 0.1))}  # all doubt is between the runs
    assert comparison.interval(apart) == pytest.approx((0.0, 0.1))


def test_the_seeds_of_a_partition_are_no_partitions_more() -> None:
    alike = {(n, seed): {"a": value} for n, value in enumerate((0.0, 0.05, 0.1)) for seed in (0, 1, 2)}
    assert comparison.interval(alike) == pytest.approx((0.0, 0.1))  # one draw in 27 has the same partition three times


def test_students_of_two_teachers_are_not_held_against_each_other(tmp_path: Path) -> None:
    for method in ("kd", "eskd", "dist"):
        stored(tmp_path, "confirmed", Cell(method, 4201, 0, 0), said([0, 1], [0, 1]))
        if method != "kd":
            of_another_teacher(tmp_path / "confirmed" / f"{method}-4201-0-0.json")
        if method == "eskd":
            assert {row["method"] for row in summarise(ELPV, tmp_path)["methods"]} == {"kd", "eskd"}, "it has its own"
    with pytest.raises(UsageError, match=r"dist-4201-0-0 and kd-4201-0-0 had different teachers"):
        summarise(ELPV, tmp_path)


def of_another_teacher(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"teacher_sha256": "another"}))


def test_the_command_computes_the_summary_from_what_is_stored(tmp_path: Path) -> None:
    for method, called in (("kd", [0, 1, 0]), ("dfpt_kd", [0, 1, 2]), ("dfpt_kd_plus", [0, 1, 2])):
        stored(tmp_path, "confirmed", Cell(method, 4201, 0, 0), said(called, [0, 1, 2]))
    command = ["bench", "distill", "--out", str(tmp_path), "--home", str(tmp_path / "home"), "--summarise", "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "summary.json").read_text())
    rows = {row["method"]: row for row in found["methods"]}
    assert rows["dfpt_kd"]["delta_vs_kd"] == pytest.approx(1 / 3)
    wanted = {"method", "tier", "accuracy_mean", "accuracy_std", "delta_vs_kd", "delta_vs_kd_ci", "pairs"}
    assert all(wanted <= row.keys() for row in found["methods"])
    shown = CliRunner().invoke(app, command[:-1])
    assert "66.7%" in shown.output
    assert "100.0%" in shown.output
    assert "accuracy less kd's" in shown.output


def test_nothing_stored_is_no_summary(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no cells"):
        summarise(ELPV, tmp_path)
