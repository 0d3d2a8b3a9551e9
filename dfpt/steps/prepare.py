"""prepare: a source's images to ``images.npy``, ``manifest.parquet`` and ``task.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfpt.config import PrepareConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import decode, imageset, lists, looks, manifest, near, quality, quarantine, splits, stored
from dfpt.datasets.picture import Decoded
from dfpt.datasets.sources import Item, resolve
from dfpt.datasets.task import Task


def run(inputs: Inputs, outputs: Outputs, config: PrepareConfig, context: Context) -> Metrics:
    """Decode every image once, divide them, write the data set. An unreadable image is a row, not an error.

    What was read and will not be trained on goes into the quarantine of the state folder.

    Raises:
        UsageError: an unknown source, a missing folder or package, a remote that wants credentials.
        StepFailed: the disk is full, the work was cancelled, the remote is away or holds other images.
    """
    data = config.data
    place = None
    if data.revision:
        context.reporter.progress(0, 1, f"fetching the images of {data.revision}")
        place = stored.bring(data, context.home)
    source = resolve(data.source, place)
    dataset = outputs["dataset"]
    given, groups = lists.splits(source.items, data), lists.groups(source.items, data)
    decoded = decode.decode_all(source.items, dataset / imageset.FILE, data.image_size, source.channels, context)
    decoded = _named_once(source.items, decoded)
    contents = [image.sha256 or item.id for item, image in zip(source.items, decoded, strict=True)]
    if data.near_copies_together:
        contents = _tied(dataset / imageset.FILE, contents)
    index = {name: number for number, name in enumerate(source.classes)}
    assigned = splits.assign(
        labels=[index.get(item.label_name, -1) for item in source.items],
        hashes=contents,
        given=given,
        how=data.split,
        val=data.val,
        test=data.test,
        seed=config.seed,
        groups=groups,
        fold=data.fold,
    )
    table = manifest.build(source, decoded, assigned, groups)
    manifest.write(table, dataset)
    task = Task(
        source=source.name,
        classes=source.classes,
        positive=source.positive,
        slices=source.slices,
        channels=source.channels,
        image_size=data.image_size,
        licence=source.licence or data.licence,
        data_hash=manifest.data_hash(table),
    )
    task.save(dataset)
    rejected = quality.rejections(table, task, quarantine.released(context.home, task.source))
    quarantine.keep(context.home, task.source, rejected, lambda position: source.items[position].read())
    return {
        "images": float(len(table)),
        "unreadable": float(table["error"].notna().sum()),
        "classes": float(len(source.classes)),
    } | {split: float((table["split"] == split).sum()) for split in splits.SPLITS}


def _tied(images: Path, contents: Sequence[str]) -> list[str]:
    """``contents`` with one key for images that look nearly the same; of images too small for it nothing is known."""
    pixels = np.load(images, mmap_mode="r")
    if pixels.shape[1] < looks.SMALLEST:
        return list(contents)
    return near.tied(looks.look(pixels, np.arange(len(contents))), contents)


def _named_once(items: Sequence[Item], decoded: Sequence[Decoded]) -> list[Decoded]:
    """A second image under an id that is taken could not be told from the first: it has no place in the data."""
    first: dict[str, int] = {}
    return [
        image
        if first.setdefault(item.id, position) == position or image.error
        else replace(image, error="its id is that of an earlier image")
        for position, (item, image) in enumerate(zip(items, decoded, strict=True))
    ]
