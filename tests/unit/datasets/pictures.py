"""Image folders for tests: noise, so that no two images are equal unless a test copies one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def fill(folder: Path, images: int, colour: bool = False, seed: int = 0) -> list[Path]:
    """Write ``images`` PNG files of 24 x 16 pixels; the same folder name and seed give the same images."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([seed, *folder.as_posix().encode()[-40:]])
    paths = [folder / f"{number:03d}.png" for number in range(images)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (16, 24, 3) if colour else (16, 24), np.uint8)).save(path)
    return paths


def truncate(path: Path) -> None:
    """Cut off the second half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
