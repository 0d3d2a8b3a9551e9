"""The gap sweep: does the prompt path gain most where teacher and student differ most?

Every pair of a teacher and a student is a point: how much better the teacher is than the student alone, and how much
better the student is by DFPT-KD+ than by KD. The test images are those of the development partition, which nothing
was chosen by; every method has the setting that it was screened with.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.bench.distill import cells, comparison, sharing
from dfpt.bench.distill.cells import GAP, TEACHER, Cell
from dfpt.bench.distill.comparison import LEVEL, RESAMPLES, Stored
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.sharing import Told, Work
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError

ALONE = "plain"
METHODS = (ALONE, "kd", "dfpt_kd_plus")

Hits = NDArray[np.float64]  # (S, N), of the seeds and the test images; a teacher has one


def sweep(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks, where the suite asks for pairs; all of a teacher before the next one's.

    Raises:
        UsageError: one of the methods has not been screened.
    """
    if not suite.gap_teachers:
        return
    settings = {method: screened(suite, method, out)["setting"] for method in METHODS}
    work: dict[str, dict[str, Work]] = {teacher: {} for teacher in suite.gap_teachers}
    for seed, teacher, student, method in itertools.product(
        range(suite.gap_seeds), suite.gap_teachers, suite.gap_students, METHODS
    ):
        if method == ALONE and teacher != suite.gap_teachers[0]:
            continue  # the same student, whoever would teach it
        cell = Cell(method, suite.development, 0, seed)
        compute = partial(_compute, suite, (teacher, student), cell, settings[method], out, home)
        work[teacher][f"{teacher}-{student}-{method}-{seed}"] = compute
    sharing.in_groups(work, cells.locks(suite, GAP, home), told)


def _compute(
    suite: Suite, pair: tuple[str, str], cell: Cell, setting: Mapping[str, float], out: Path, home: Path
) -> None:
    cells.compute(_of_pair(suite, *pair), cell, setting, GAP, _folder(out, *pair), home)


def stored(suite: Suite, out: Path) -> Stored:
    """The cells of every pair."""
    pairs = itertools.product(suite.gap_teachers, suite.gap_students)
    return [cell for pair in pairs for cell in _of(suite, out, *pair)]


def _of(suite: Suite, out: Path, teacher: str, student: str) -> Stored:
    return comparison.stored(_of_pair(suite, teacher, student), GAP, out, _folder(out, teacher, student))


def summarise(suite: Suite, out: Path) -> dict[str, Any] | None:
    """Every pair that has a seed whole, and the slope of gain on gap with its interval; None where no pair has.

    The slope is by least squares, in points of gain for a point of gap; its interval by bootstrap over images, which
    all pairs are asked about, and over each student's seeds. With fewer than three pairs there is none.
    """
    found = {
        (teacher, student): hits
        for teacher in suite.gap_teachers
        for student in suite.gap_students
        if (hits := _hits(suite, out, teacher, student)) is not None
    }
    if not found:
        return None
    summary: dict[str, Any] = {"pairs": [], "slope": None, "slope_ci": None}
    for (teacher, student), hits in found.items():
        accuracy = {name: float(values.mean()) for name, values in hits.items()}
        seeds = len(hits["kd"])
        gap, gain = _point(accuracy)
        named = {f"{name}_accuracy": value for name, value in accuracy.items()}
        point = {"gap": gap, "gain": gain, "seeds": seeds}
        summary["pairs"].append({"teacher": teacher, "student": student, **named, **point})
    if len(found) > 2:
        summary |= _slope(found)
    return summary


def _slope(pairs: Mapping[tuple[str, str], Mapping[str, Hits]]) -> dict[str, Any]:
    random = np.random.default_rng(0)

    def drawn(count: int) -> Hits:  # (count, R): how much each one counts, in R samples with replacement
        return random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).T / count

    def every(count: int) -> Hits:  # (count, 1): each one as much
        return np.full((count, 1), 1 / count)

    (found,), resampled = (_slopes(pairs, weigh) for weigh in (every, drawn))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"slope": float(found), "slope_ci": [float(low), float(high)]}


def _slopes(pairs: Mapping[tuple[str, str], Mapping[str, Hits]], weigh: Callable[[int], Hits]) -> NDArray[np.float64]:
    """(R,) the slope under each of R weightings of the images, which are all pairs', and of each student's seeds."""
    image_NR = weigh(next(iter(pairs.values()))[TEACHER].shape[1])
    of_seeds: dict[tuple[str, int], Hits] = {}  # a student begins alike under every teacher
    points = []
    for (_, student), hits in pairs.items():
        seeds = student, len(hits["kd"])
        if seeds not in of_seeds:
            of_seeds[seeds] = weigh(seeds[1])
        seed_SR = of_seeds[seeds]
        students = {name: ((hits[name] @ image_NR) * seed_SR).sum(0) for name in METHODS}
        points.append(_point({TEACHER: hits[TEACHER][0] @ image_NR, **students}))
    gap, gain = (np.array([point[side] for point in points]) for side in (0, 1))  # (P, R)
    centred = gap - gap.mean(0)
    slopes: NDArray[np.float64] = (centred * gain).sum(0) / (centred**2).sum(0)
    return slopes


def _point(accuracy: Mapping[str, Any]) -> tuple[Any, Any]:
    """Gap and gain of a pair, from numbers or from arrays of them."""
    return accuracy[TEACHER] - accuracy["plain"], accuracy["dfpt_kd_plus"] - accuracy["kd"]


def _hits(suite: Suite, out: Path, teacher: str, student: str) -> dict[str, Hits] | None:
    """Who is right about which image, of the seeds that every method has; None where there is no such seed."""
    own, alone = (_of(suite, out, of, student) for of in (teacher, suite.gap_teachers[0]))
    by_seed = {
        name: {cell.record["seed"]: cell.said for cell in comparison.of(alone if name == ALONE else own, name)}
        for name in (TEACHER, *METHODS)
    }
    seeds = set.intersection(*(set(by_seed[name]) for name in METHODS))
    if not seeds or not by_seed[TEACHER]:
        return None
    said = {name: [by_seed[name][seed] for seed in sorted(seeds)] for name in METHODS}
    said[TEACHER] = list(by_seed[TEACHER].values())
    if len({found.ids for each in said.values() for found in each}) != 1:
        folder = _folder(out, teacher, student)
        raise UsageError(f"The answers in {folder} are about different images.", "Remove it and run the sweep again.")
    return {name: np.array([found.hits for found in each]) for name, each in said.items()}


def _of_pair(suite: Suite, teacher: str, student: str) -> Suite:
    networks = (f"teacher.model={teacher}", f"student.model={student}", "student.pretrained=false")
    return dataclasses.replace(suite, assignments=(*suite.assignments, *networks))


def _folder(out: Path, teacher: str, student: str) -> Path:
    return out / GAP / f"{teacher}-{student}"
