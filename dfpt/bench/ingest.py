"""How fast images come in: fingerprint, prepare and validate, on many small files and on ELPV."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench import machine, memory
from dfpt.config import Data, PrepareConfig, ValidateConfig, Validation
from dfpt.context import Context, Reporter
from dfpt.datasets import sources
from dfpt.steps import prepare, validate

SIDE = 64  # pixels of the synthetic images
CLASSES = 10
LEVEL = 1  # of PNG's compression: as cameras choose it, and the slowest to read are not the aim


@dataclass(frozen=True)
class Spent:
    """``seconds`` on the clock; ``cores``: processor seconds of all processes for each of them."""

    seconds: float
    cores: float


def run(images: int, reporter: Reporter) -> dict[str, Any]:
    """Measure both; the synthetic files lie in a temporary folder (TMPDIR), which is removed."""
    import cleanlab.filter  # noqa: F401 - the imports' time is not the work's
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401
    import sklearn.ensemble  # noqa: F401

    load = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="dfpt-ingest-") as folder:
        place = Path(folder)
        write(place / "images", images, reporter)
        with memory.watched() as peak:
            synthetic = _measure(f"folder:{place / 'images'}", SIDE, place / "synthetic", reporter)
        elpv = _measure("elpv", Data().image_size, place / "elpv", reporter)
    return {
        "machine": machine.describe(),
        "load_before": load,
        "peak_memory": peak.whole,  # of the synthetic images, validate and its imports included
        "peak_memory_anonymous": peak.anonymous,  # without the pages of mapped files
        "results": {f"{images} PNG files of {SIDE}x{SIDE}": synthetic, "elpv": elpv},
    }


def write(folder: Path, images: int, reporter: Reporter) -> None:
    """``images`` grey PNG files of SIDE x SIDE in CLASSES folders: a wave with noise, no two equal."""
    from PIL import Image

    random = np.random.default_rng(0)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
    for number in range(images):
        across, down = random.uniform(0.05, 0.4, 2)
        grey = 110 + 60 * np.sin(across * x + down * y) + random.normal(0, 6, (SIDE, SIDE))
        path = folder / f"class-{number % CLASSES}" / f"{number:06d}.png"
        Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(path, compress_level=LEVEL)
        if number % 1000 == 0:
            reporter.progress(number, images, "images written")
    reporter.progress(images, images, "images written")


def _measure(source: str, size: int, place: Path, reporter: Reporter) -> dict[str, Any]:
    context = Context(place / "home", place, reporter)
    dataset, validation = place / "dataset", place / "validation"
    preparing = PrepareConfig(seed=0, data=Data(source=source, image_size=size))
    spent = {
        "fingerprint": _spent(lambda: sources.fingerprint(source)),
        "prepare": _spent(lambda: prepare.run({}, {"dataset": dataset}, preparing, context)),
    }
    validating = ValidateConfig(validation=Validation())
    spent["validate"] = _spent(
        lambda: validate.run({"dataset": dataset}, {"validation": validation}, validating, context)
    )
    images = len(sources.resolve(source).items)
    return {
        "images": images,
        "seconds": {step: took.seconds for step, took in spent.items()},
        "cores_busy": {step: took.cores for step, took in spent.items()},
        "images_per_second": {step: images / took.seconds for step, took in spent.items()},
    }


def _spent(work: Callable[[], object]) -> Spent:
    start, processor = time.perf_counter(), _processor_seconds()
    work()
    seconds = time.perf_counter() - start
    return Spent(seconds, (_processor_seconds() - processor) / seconds)


def _processor_seconds() -> float:
    """Of this process and of those it has started and seen end."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
