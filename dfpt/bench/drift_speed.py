"""How long does the comparison of many images take, from files to the page?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.config import Data, PrepareConfig
from dfpt.context import Context, Reporter
from dfpt.datasets import sample
from dfpt.datasets.drift import page
from dfpt.datasets.sample import Sample
from dfpt.evaluation import drift
from dfpt.steps import prepare


def run(prepared: Sample, student: Path, images: int, reporter: Reporter) -> dict[str, Any]:
    """Seconds of each part with ``images`` on each side, all of them decoded from PNG files.

    The images are those of ``prepared`` in random views with a little noise, so that no two files are the same. With
    a data version as the reference, which is decoded already, half of the decoding falls away.
    """
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        sides = []
        for number, name in enumerate(("reference", "current")):
            folder, dataset = Path(scratch) / "files" / name, Path(scratch) / name
            _write(prepared, folder, images, number, reporter)
            with _timed(seconds, f"decoding, {name}"):
                data = Data(source=f"folder:{folder}", image_size=prepared.task.image_size)
                context = Context(home=dataset, checkpoints=dataset, reporter=reporter)
                prepare.run({}, {"dataset": dataset}, PrepareConfig(seed=0, data=data), context)
            sides.append(sample.load(dataset))
        with _timed(seconds, "statistics, student and permutations"):
            reference, current = sides
            found, unlike = drift.report(reference, current, drift.Student("benchmark", student, ""), reporter)
        with _timed(seconds, "page"):
            page.render(found, page.pictures(current, unlike))
    return {"images_a_side": images, "seconds": seconds, "total_seconds": sum(seconds.values())}


def _write(prepared: Sample, folder: Path, images: int, seed: int, reporter: Reporter) -> None:
    from PIL import Image

    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(images):
        pixels = prepared.images[int(random.choice(prepared.rows))].squeeze()
        turned = np.rot90(pixels, int(random.integers(4))).astype(np.int16)
        noisy = (turned + random.integers(-1, 2, turned.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "images" / f"{number:06d}.png", compress_level=1)
        reporter.progress(number + 1, images, f"files written, side {seed + 1}")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
