"""Does the drift test keep its level, and what does it see? Resamples of real images, with and without a shift.

Every image is described once for every corruption; a resample takes rows of these tables. So what is timed elsewhere
is not repeated here, and 2,000 tests take minutes.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dfpt import config as configuration
from dfpt.bench import drift_speed, machine, steps
from dfpt.config import Config
from dfpt.context import Reporter
from dfpt.datasets import corruptions, manifest, sample
from dfpt.datasets.drift import compare
from dfpt.datasets.drift.compare import Described
from dfpt.datasets.sample import Sample
from dfpt.errors import UsageError
from dfpt.evaluation import drift
from dfpt.runtime import code_revision

IMAGES = 300  # current ones in a resample
CAMERA = 300  # pixels a side of ELPV's files
NONE, NEIGHBOURS = "none", "neighbouring files"
DEFECTS = {"defect share doubled": 2.0, "defect share times 1.25": 1.25}
_STEPS = ("prepare", "validate", "train-baseline")
_RESAMPLES_IN_TASK = 20

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pool:
    """The images that resamples are drawn from.

    Attributes:
        described: corruption -> all images under it; ``none`` as they are.
        defective: (N,) which images have a defect.
    """

    described: Mapping[str, Described]
    defective: NDArray[np.bool_]


def run(
    config: Config, home: Path, resamples: int, rounds: int, pairs: int, reporter: Reporter
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Calibration over ``resamples``, power over ``rounds`` for each shift, speed with ``pairs`` images a side.

    The student is the configuration's, trained alone: its first call takes minutes, later ones find it in ``home``.

    Returns:
        The figures, and for every shift those of each resample.

    Raises:
        UsageError: the source has no defective classes or too few images that the student has not learnt from.
    """
    folder = home / "bench" / f"drift-{hashlib.sha256(configuration.dump(config).encode()).hexdigest()[:12]}"
    with contextlib.redirect_stdout(sys.stderr):  # the steps' progress
        steps.execute(config, _STEPS[:1], folder)
        prepared, student = sample.load(folder / "dataset"), folder / "baseline"
        _check(prepared)
        metrics = steps.execute(config, _STEPS, folder)
    pool = _pool(prepared, folder, student, reporter)
    variants = {
        "image statistics and student": pool,
        "image statistics alone": Pool(
            {name: Described(found.statistics) for name, found in pool.described.items()}, pool.defective
        ),
    }
    plan = {name: resamples if name == NONE else rounds for name in (*pool.described, *DEFECTS, NEIGHBOURS)}
    results: dict[str, dict[str, Any]] = {}
    every = []
    for variant, found in variants.items():
        results[variant] = {}
        for shift, count in plan.items():
            told = partial(reporter.progress, text=f"{shift}: {variant}")
            results[variant][shift], each = _alarms(found, shift, count, told)
            every.append({"variant": variant, "shift": shift, **each})
    figures = {
        "machine": machine.describe(),
        "code_revision": code_revision(),
        "config": config.model_dump(mode="json"),
        "rule": {"level": compare.LEVEL, "tolerance": compare.TOLERANCE, "permutations": compare.PERMUTATIONS},
        "images": {"pool": len(pool.defective), "defect_share": float(pool.defective.mean()), "current": IMAGES},
        "student": {"model": config.student.model, **metrics["train-baseline"]},
        "results": results,
        "speed": drift_speed.run(prepared, student, pairs, reporter),
    }
    return figures, every


def _check(prepared: Sample) -> None:
    """Refuse what cannot be measured before minutes of training."""
    if not prepared.task.positive:
        raise UsageError(
            f"{prepared.task.source} has no defective classes, so their share cannot grow.",
            "Measure with --set data.source=elpv.",
        )
    unseen = sum(split != "train" for split in prepared.splits)
    if unseen < 3 * IMAGES:
        raise UsageError(
            f"{unseen} images are not for training, {3 * IMAGES} are needed.",
            "Use larger shares data.val and data.test.",
        )


def _pool(prepared: Sample, folder: Path, student: Path, reporter: Reporter) -> Pool:
    """What the student has not learnt from, under every corruption."""
    table = manifest.read(folder / "dataset").iloc[prepared.rows]
    unseen, positive = (table["split"] != "train").to_numpy(), list(prepared.task.positive or ())
    images = np.asarray(prepared.images[prepared.rows[unseen]])
    described = {
        name: drift.describe(
            corrupted, np.arange(len(images)), prepared.task.channels, student, positive, reporter, name
        )
        for name, corrupted in _corrupted(images).items()
    }
    return Pool(described, table["label"][unseen].isin(positive).to_numpy())


def _corrupted(images: Pixels) -> dict[str, Pixels]:
    random = np.random.default_rng(0)
    return {
        NONE: images,
        "noise, sigma 0.04": corruptions.noise(images, 0.04, random),
        # The mean over an area, as prepare shrinks a file, has less noise than the file.
        "noise, sigma 0.04 in the file": corruptions.noise(images, 0.04 * min(1, images.shape[1] / CAMERA), random),
        "blur, sigma 1 px at 64 px": corruptions.blur(images, 1.0),
        "brightness +8 %": corruptions.brightness(images, 1.08),
        "rotation, 10 degrees": corruptions.rotation(images, 10.0),
        # Milder than any goal asks for: where it ends.
        "noise, sigma 0.01 in the file": corruptions.noise(images, 0.01 * min(1, images.shape[1] / CAMERA), random),
        "blur, sigma 0.25 px at 64 px": corruptions.blur(images, 0.25),
        "brightness +3 %": corruptions.brightness(images, 1.03),
        "rotation, 1 degree": corruptions.rotation(images, 1.0),
    }


def _alarms(
    pool: Pool, shift: str, count: int, told: Callable[[int, int], None]
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Alarms by the product's own rule in ``count`` resamples, and what each resample gave."""
    tasks = [range(start, min(start + _RESAMPLES_IN_TASK, count)) for start in range(0, count, _RESAMPLES_IN_TASK)]
    p_values: list[float] = []
    distances: list[float] = []
    alarms = 0
    described = {name: pool.described[name] for name in {NONE, shift} & pool.described.keys()}
    spawn = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(mp_context=spawn) as workers:
        for found in workers.map(partial(_tests, Pool(described, pool.defective), shift), tasks):
            for p_value, distance, alarm in found:
                p_values.append(round(p_value, 4))
                distances.append(round(distance, 4))
                alarms += alarm
            told(len(p_values), count)
    interval = stats.binomtest(alarms, count).proportion_ci(method="wilson")
    summary = {"resamples": count, "alarms": alarms / count, "interval": [interval.low, interval.high]}
    return summary, {"p_values": p_values, "largest_distances": distances}


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """For the processes started inside: there is one for each core already."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _tests(pool: Pool, shift: str, numbers: range) -> list[tuple[float, float, bool]]:
    """(p-value, largest distance, alarm) of the resamples of these numbers."""
    found = []
    for number in numbers:
        random = np.random.default_rng([number, len(shift)])
        now, before = _drawn(pool.defective, shift, random)
        reference = pool.described[NONE].take(before)
        current = pool.described.get(shift, pool.described[NONE]).take(now)
        groups = compare.columns(reference, current)
        finding = compare.compare(groups, IMAGES, compare.PERMUTATIONS, seed=number)
        alarm = finding.drifted(compare.LEVEL, compare.TOLERANCE)
        found.append((finding.p_value, float(finding.distances.max()), alarm))
    return found


def _drawn(
    defective: NDArray[np.bool_], shift: str, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Current and reference rows, disjoint. The reference has the pool's own share of defects."""
    if shift == NEIGHBOURS:
        rows = np.roll(np.arange(len(defective)), random.integers(len(defective)))
        return rows[:IMAGES], rows[IMAGES:]
    rows = random.permutation(len(defective))
    if shift not in DEFECTS:
        return rows[:IMAGES], rows[IMAGES:]
    bad, good = rows[defective[rows]], rows[~defective[rows]]
    more = round(min(1.0, DEFECTS[shift] * len(bad) / len(rows)) * IMAGES)
    beside = IMAGES - more
    left = round((len(bad) - more) * len(good) / len(bad))  # fewer than there are: the current ones took fewer good
    return np.append(bad[:more], good[:beside]), np.append(bad[more:], good[beside : beside + left])
