"""Features of the frozen part of a network for every exact view, computed once and kept by content hash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import torch
from torch import Tensor

from dfpt.config import Augmentation
from dfpt.context import Context
from dfpt.datasets import ImageSet
from dfpt.errors import StepFailed
from dfpt.files import replacing
from dfpt.models import Backbone, ModelSpec
from dfpt.training import device, distributed, precision
from dfpt.training.views import FeatureViews, NoisyViews, PixelViews, Views, pixels

_BATCH = 64
_MEASURED = 8  # images; where bfloat16 is slow, a whole batch takes a quarter of a minute
_MOST = 16 * 2**30  # bytes of all sets together; beyond them, those used longest ago are removed


def seen(
    model: Backbone,
    spec: ModelSpec,
    images: ImageSet,
    part: str,
    augmentation: Augmentation | None,
    context: Context,
    wanted: str = "auto",
) -> Views:
    """What ``model.behind(spec.frozen_stages)`` reads of a split: images, or the features of the frozen stages.

    Args:
        augmentation: of what is trained on: its views and its noise; None: the images as they are.
        wanted: precision of the features, as a recipe says it.
    """
    given, views = pixels(images, part, spec), augmentation.views if augmentation else 1
    if not spec.frozen_stages:
        noise = augmentation.noise if augmentation else 0.0
        return NoisyViews(PixelViews(given), noise / spec.std) if noise else PixelViews(given)
    return FeatureViews(cached(model, spec.frozen_stages, given, views, context, wanted=wanted))


@torch.no_grad()
def cached(
    model: Backbone,
    stages: int,
    images_NCHW: Tensor,
    views: int,
    context: Context,
    after: int | None = None,
    wanted: str = "auto",
) -> Tensor:
    """Features (V, N, C, H, W) after the first ``stages`` stages, mapped from ``home/cache/features``.

    They are kept in bfloat16, whatever they are computed in.

    Args:
        images_NCHW: the network's normalised input.
        views: V; view v of image i is row [v, i].
        after: start from the (cached) features after that many stages: where a teacher's first stages were left as
            they are, its own training has computed these already.
        wanted: precision in which they are computed, as a recipe says it; ``auto`` takes the faster one.
    """
    with distributed.first_alone():
        return _cached(model, stages, images_NCHW, views, wanted, context, after)


def _cached(
    model: Backbone, stages: int, images_NCHW: Tensor, views: int, wanted: str, context: Context, after: int | None
) -> Tensor:
    folder = context.home / "cache" / "features"
    after = after if after and after < stages else None
    path = folder / f"{_key(model, stages, images_NCHW, views, wanted, after)}.bin"
    about = path.with_suffix(".json")
    if not (path.exists() and about.exists()):
        if after:
            source: Views = FeatureViews(_cached(model, after, images_NCHW, views, wanted, context, None))
        else:
            source = PixelViews(images_NCHW)
        with device.holding([model.eval()]):
            _write(model, source, after, stages, len(images_NCHW), views, wanted, path, about, context)
        _make_room(folder)
    os.utime(path)
    shape = json.loads(about.read_text(encoding="utf-8"))
    size = torch.Size(shape).numel()
    return torch.from_file(str(path), shared=False, size=size, dtype=torch.bfloat16).view(shape)


def _make_room(folder: Path) -> None:
    """Remove what was used longest ago; whoever has a set mapped keeps it."""
    found = []
    for path in folder.glob("*.bin"):
        with contextlib.suppress(FileNotFoundError):  # another process makes room too
            about = path.stat()
            found.append((about.st_mtime, about.st_size, path))
    total = 0
    for number, (_, size, path) in enumerate(sorted(found, reverse=True)):
        total += size
        if number and total > _MOST:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)


def _write(
    model: Backbone,
    source: Views,
    after: int | None,
    stages: int,
    count: int,
    views: int,
    wanted: str,
    path: Path,
    about: Path,
    context: Context,
) -> None:
    def features_of(index: Tensor, view: int) -> Tensor:
        x = source(index, torch.full_like(index, view)).to(device.chosen())
        return model.to_stage(x, stages) if after is None else model.between(x, after, stages)

    few, size = torch.arange(min(count, _MEASURED)), sum(parameter.numel() for parameter in model.parameters())
    what = f"features after {stages} stages of {size} from {tuple(source(few, torch.zeros_like(few)).shape)}"
    dtype = precision.choose(wanted, lambda: features_of(few, 0), what, context.home)
    total, done = views * count, 0
    shape: list[int] = []
    with replacing(path) as partial, partial.open("wb") as stream:
        for view in range(views):
            for index in torch.split(torch.arange(count), _BATCH):
                if context.cancelled():
                    raise StepFailed("The computation of teacher features was interrupted.", "Run it again.")
                with precision.autocast(dtype):
                    features = features_of(index, view)
                features = features.to(torch.bfloat16).contiguous().cpu()
                stream.write(features.view(torch.uint8).numpy().tobytes())
                shape = [views, count, *features.shape[1:]]
                done += len(index)
                context.reporter.progress(done, total, "teacher features")
    with replacing(about) as partial:
        partial.write_text(json.dumps(shape), encoding="utf-8")


def _key(model: Backbone, stages: int, images_NCHW: Tensor, views: int, wanted: str, after: int | None) -> str:
    digest = hashlib.sha256(f"{wanted} {after} {stages} {views} {tuple(images_NCHW.shape)}".encode())
    for part in (model.stem, *model.stages[:stages]):
        for tensor in part.state_dict().values():
            digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    digest.update(images_NCHW.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
