"""The prompt path on disk: phi in ``prompt.safetensors`` and, beside it, what rebuilds it, ``prompt.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dfpt.distill.dual_forward import PathSpec, PromptPath
from dfpt.errors import UsageError
from dfpt.files import write_json
from dfpt.models.backbone import Backbone

WEIGHTS = "prompt.safetensors"
SPEC = "prompt.json"


def save(path: PromptPath, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in path.state_dict().items()}, folder / WEIGHTS)
    write_json(folder / SPEC, path.spec.model_dump(mode="json"))


def saved(folder: Path) -> bool:
    """Whether ``folder`` holds a path; a method without one leaves it empty."""
    return (folder / SPEC).exists()


def load(folder: Path, teacher: Backbone) -> PromptPath:
    """The path over ``teacher``.

    Raises:
        UsageError: a missing, truncated or foreign file, or weights that do not fit the teacher.
    """
    try:
        spec = PathSpec.model_validate_json((folder / SPEC).read_bytes())
        path = PromptPath(teacher, spec)
    except (OSError, ValueError, IndexError) as error:
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
