"""A network on disk: ``model.safetensors`` and, beside it, what it takes to use it, ``model.json``. No pickle."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dfpt.errors import UsageError
from dfpt.files import write_json
from dfpt.models.backbone import Backbone, count_parameters
from dfpt.models.registry import create

WEIGHTS = "model.safetensors"
SPEC = "model.json"


@dataclass(frozen=True)
class ModelSpec:
    """What a reader of the weights needs.

    Attributes:
        name: of the backbone, for :func:`dfpt.models.create`.
        in_channels, image_size: of the input (B, in_channels, image_size, image_size).
        mean, std: of the pixels on [0, 1]; the input is (pixel - mean) / std.
        classes: names of the logits, in order.
        parameters: their number.
        frozen_stages: how many first stages, and the stem, are as they were packaged.
        licence: of the weights that it began with, SPDX; None where nobody said.
        data_hash: of the one data version that it was trained on, packaged weights apart; None where unknown.
    """

    name: str
    in_channels: int
    image_size: int
    mean: float
    std: float
    classes: tuple[str, ...]
    parameters: int
    frozen_stages: int = 0
    licence: str | None = None
    data_hash: str | None = None

    @property
    def num_classes(self) -> int:
        return len(self.classes)


def save(model: Backbone, spec: ModelSpec, folder: Path) -> None:
    """Write the network, and nothing else, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS)
    write_json(folder / SPEC, dataclasses.asdict(spec))


def load(folder: Path) -> tuple[Backbone, ModelSpec]:
    """Read a network in eval mode.

    Raises:
        UsageError: a missing, truncated or foreign file, or weights of another architecture.
    """
    try:
        values = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        spec = ModelSpec(**(values | {"classes": tuple(values["classes"])}))
        model = create(spec.name, spec.num_classes, spec.in_channels, spec.image_size)
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UsageError(f"{folder} holds no usable model: {error}", "Train or copy it again.") from error
    if count_parameters(model) != spec.parameters:
        raise UsageError(f"{folder / SPEC} promises {spec.parameters} parameters, the weights have another number.")
    return model.eval(), spec
