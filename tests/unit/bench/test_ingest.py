from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from dfpt.bench import ingest, memory
from dfpt.context import Silent
from tests.waiting import until


def test_every_image_written_is_another_one_and_of_one_class(tmp_path: Path) -> None:
    ingest.write(tmp_path, 30, Silent())
    files = sorted(tmp_path.rglob("*.png"))
    assert len({path.read_bytes() for path in files}) == 30
    assert {path.parent.name for path in files} == {f"class-{label}" for label in range(10)}
    with Image.open(files[0]) as image:
        assert (image.mode, image.size) == ("L", (64, 64))
        assert 5 < np.asarray(image).std() < 128


def test_both_sources_are_measured_in_images_a_second_and_bytes() -> None:
    found = ingest.run(1000, Silent())
    assert found["peak_memory"] > found["peak_memory_anonymous"] > 50 * 2**20
    assert [result["images"] for result in found["results"].values()] == [1000, 2624]
    for result in found["results"].values():
        for step, seconds in result["seconds"].items():
            assert seconds > 0
            assert result["images_per_second"][step] == result["images"] / seconds
            assert result["cores_busy"][step] >= 0


def test_memory_of_this_process_and_of_its_children_is_counted_once_it_is_there() -> None:
    size = 200 * 2**20
    child = f"import time; kept = bytes(b'1') * {size}; print('there', flush=True); time.sleep(60)"
    with memory.watched() as before:
        until(lambda: before.whole > 0)
    with memory.watched() as peak, subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        until(lambda: peak.whole - before.whole > 0.95 * size and peak.anonymous - before.anonymous > 0.95 * size)
        process.kill()
