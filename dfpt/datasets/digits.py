"""scikit-learn's 1,797 handwritten digits, 8 x 8 pixels: real images for tests that take seconds."""

from __future__ import annotations

from dfpt.datasets.sources import Item, Source


def source() -> Source:
    """Ten classes, no positive ones, no slices. Every image is handed out as a binary PGM file."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)  # 0..16 -> 0..255, (N, 8, 8)
    items = tuple(
        Item(f"digit-{number:04d}", f"images/digit-{number:04d}.pgm", str(label), b"P5 8 8 255\n" + image.tobytes())
        for number, (image, label) in enumerate(zip(pixels, digits.target, strict=True))
    )
    names = tuple(str(name) for name in digits.target_names)
    return Source("digits", names, items, licence="CC-BY-4.0")  # as the UCI repository, where they come from, says
