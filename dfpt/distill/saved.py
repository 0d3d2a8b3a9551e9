"""The prompt path on disk: phi in ``prompt.safetensors`` and, beside it, what rebuilds it, ``prompt.json``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dfpt.distill.dual_forward import Form, PromptPath
from dfpt.errors import UsageError
from dfpt.files import write_json
from dfpt.models.backbone import Backbone

WEIGHTS = "prompt.safetensors"
SPEC = "prompt.json"


@dataclass(frozen=True)
class PathSpec:
    """The arguments of :class:`dfpt.distill.dual_forward.PromptPath` besides the teacher."""

    positions: tuple[int, ...]
    ratio: float
    partial: float
    kernels: tuple[int, ...]
    own_stages: bool
    form: Form
    neutral: bool

    def build(self, teacher: Backbone) -> PromptPath:
        """An untrained path over ``teacher``; its first weights are drawn from torch's generator."""
        return PromptPath(
            teacher, self.positions, self.ratio, self.partial, self.kernels, self.own_stages, self.form, self.neutral
        )


def save(path: PromptPath, spec: PathSpec, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in path.state_dict().items()}, folder / WEIGHTS)
    write_json(folder / SPEC, dataclasses.asdict(spec) | {"parameters": path.learnt})


def saved(folder: Path) -> bool:
    """Whether ``folder`` holds a path; a method without one leaves it empty."""
    return (folder / SPEC).exists()


def load(folder: Path, teacher: Backbone) -> PromptPath:
    """The path over ``teacher``.

    Raises:
        UsageError: a missing, truncated or foreign file, or weights that do not fit the teacher.
    """
    try:
        values: dict[str, Any] = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        spec = PathSpec(
            tuple(int(position) for position in values["positions"]),
            float(values["ratio"]),
            float(values["partial"]),
            tuple(int(kernel) for kernel in values["kernels"]),
            bool(values["own_stages"]),
            values["form"],
            bool(values["neutral"]),
        )
        path = spec.build(teacher)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{folder} holds no prompt path: {error}", "Run tune-prompt and distil again.") from error
    restore(path, folder / WEIGHTS)
    return path


def restore(module: Any, path: Path) -> None:
    """Read the module's weights from ``path``. Raises UsageError where they do not fit it."""
    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UsageError(
            f"{path} does not fit this configuration: {error}", "Run tune-prompt again with it."
        ) from error
