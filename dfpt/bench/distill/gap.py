"""The gap sweep: does the prompt path gain most where teacher and student differ most?

Every pair of a teacher and a student is a point: how much better the teacher is than the student alone, and how much
better the student is by DFPT-KD+ than by KD. The test images are those of the development partition, which nothing
was chosen by; every method has the setting that it was screened with.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.bench.distill import answers, cells, sharing
from dfpt.bench.distill.cells import GAP, TEACHER, Cell
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.sharing import Told, Work
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError

METHODS = ("plain", "kd", "dfpt_kd_plus")
_RESAMPLES = 10_000
_LEVEL = 0.95

Hits = NDArray[np.float64]  # (N,) of the test images, the mean over the seeds


def sweep(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks, where the suite asks for pairs; each once before the second seed of any.

    Raises:
        UsageError: one of the methods has not been screened.
    """
    if not suite.gap_teachers:
        return
    settings = {method: screened(method, out)["setting"] for method in METHODS}
    work: dict[str, dict[str, Work]] = {teacher: {} for teacher in suite.gap_teachers}
    for seed, teacher, student, method in itertools.product(
        range(suite.gap_seeds), suite.gap_teachers, suite.gap_students, METHODS
    ):
        cell = Cell(method, suite.development, 0, seed)
        compute = partial(_compute, suite, (teacher, student), cell, settings[method], out, home)
        work[teacher][f"{teacher}-{student}-{method}-{seed}"] = compute
    sharing.in_groups(work, cells.locks(suite, GAP, home), told)


def _compute(
    suite: Suite, pair: tuple[str, str], cell: Cell, setting: Mapping[str, float], out: Path, home: Path
) -> None:
    teacher, student = pair
    networks = (f"teacher.model={teacher}", f"student.model={student}", "student.pretrained=false")
    of_pair = dataclasses.replace(suite, assignments=(*suite.assignments, *networks))
    cells.compute(of_pair, cell, setting, GAP, _folder(out, teacher, student), home)


def summarise(suite: Suite, out: Path) -> dict[str, Any] | None:
    """Every pair that is whole, and the slope of gain on gap with its interval; None where no pair is.

    The slope is by least squares, in points of gain for a point of gap; its interval by bootstrap over images, which
    all pairs are asked about. With fewer than three pairs there is none.
    """
    found = {
        (teacher, student): hits
        for teacher in suite.gap_teachers
        for student in suite.gap_students
        if (hits := _hits(_folder(out, teacher, student), suite)) is not None
    }
    if not found:
        return None
    summary: dict[str, Any] = {"pairs": [], "slope": None, "slope_ci": None}
    for (teacher, student), hits in found.items():
        accuracy = {name: float(values.mean()) for name, values in hits.items()}
        gap, gain = _point(accuracy)
        named = {f"{name}_accuracy": value for name, value in accuracy.items()}
        summary["pairs"].append({"teacher": teacher, "student": student, **named, "gap": gap, "gain": gain})
    if len(found) > 2:
        images = len(next(iter(found.values()))[TEACHER])
        once = np.ones((images, 1)) / images
        random = np.random.default_rng(0)
        drawn = random.multinomial(images, np.full(images, 1 / images), size=_RESAMPLES).T / images
        low, high = np.quantile(_slopes(found, drawn), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
        summary |= {"slope": float(_slopes(found, once)[0]), "slope_ci": [float(low), float(high)]}
    return summary


def _slopes(found: Mapping[Any, Mapping[str, Hits]], weights_NR: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R,) the slope under each of R weightings of the images, each of which sums to 1."""
    points = [_point({name: values @ weights_NR for name, values in hits.items()}) for hits in found.values()]
    gap, gain = (np.array([point[side] for point in points]) for side in (0, 1))  # (P, R)
    centred = gap - gap.mean(0)
    slopes: NDArray[np.float64] = (centred * gain).sum(0) / (centred**2).sum(0)
    return slopes


def _point(accuracy: Mapping[str, Any]) -> tuple[Any, Any]:
    """Gap and gain of a pair, from numbers or from arrays of them."""
    return accuracy[TEACHER] - accuracy["plain"], accuracy["dfpt_kd_plus"] - accuracy["kd"]


def _hits(folder: Path, suite: Suite) -> dict[str, Hits] | None:
    """Who is right about which image; None unless the teacher and every student of the first seed are there."""
    teacher = folder / f"{Cell(TEACHER, suite.development, 0, 0).name}.jsonl.gz"
    stored = {
        method: [
            path
            for seed in range(suite.gap_seeds)
            if (path := folder / f"{Cell(method, suite.development, 0, seed).name}.jsonl.gz").exists()
        ]
        for method in METHODS
    }
    if not teacher.exists() or not all(stored.values()):
        return None
    said = {TEACHER: [answers.read(teacher)]} | {
        method: [answers.read(path) for path in paths] for method, paths in stored.items()
    }
    if len({found.ids for each in said.values() for found in each}) != 1:
        raise UsageError(f"The answers in {folder} are about different images.", "Remove it and run the sweep again.")
    return {name: np.mean([found.hits for found in each], axis=0) for name, each in said.items()}


def _folder(out: Path, teacher: str, student: str) -> Path:
    return out / GAP / f"{teacher}-{student}"
