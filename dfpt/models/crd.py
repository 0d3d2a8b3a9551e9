"""Checkpoints of the public CRD / RepDistiller models (https://github.com/HobbitLong/RepDistiller), read safely.

None of their files could be had here: the maps below are tested against rewritten originals, names, shapes and outputs,
not against a published checkpoint.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from dfpt.errors import UsageError
from dfpt.models import imagenet_resnet, resnet, vgg, wide_resnet
from dfpt.models.backbone import Backbone
from dfpt.models.misfit import misfit
from dfpt.models.registry import create

# Regular expressions and what takes their place, all applied in this order: a name of theirs becomes ours.
Rules = tuple[tuple[str, str], ...]

_STEM: Rules = ((r"^conv1\.", "stem.0."), (r"^bn1\.", "stem.1."))
_STAGES: Rules = tuple((rf"^(layer|block){stage + 1}\.", f"stages.{stage}.") for stage in range(4))
_NORMS: Rules = ((r"\.bn(\d)\.", r".norm\1."),)
_RESIDUAL: Rules = (*_STEM, *_STAGES, *_NORMS)
_WIDE: Rules = (
    (r"^conv1\.", "stem.0."),
    (r"^bn1\.", "head.0."),
    (r"^fc\.", "head.5."),
    *_STAGES,
    (r"^(stages\.\d)\.layer\.", r"\1."),
    *_NORMS,
    (r"\.convShortcut\.", ".shortcut."),
)
_VGG: Rules = (
    (r"^block0\.", "stem."),
    *_STAGES,
    (r"^(stages\.\d)\.", r"\1.1."),  # ours have the pooling as 0
    (r"^classifier\.", "head.3."),
)
_GROUPS = ("0.0", "0.1", "1.0", "2.0", "2.1", "3.0", "3.1")  # stage and place in it of their seven
_MOBILE: Rules = (
    (r"^conv1\.", "stem."),
    *((rf"^blocks\.{group}\.", f"stages.{own}.") for group, own in enumerate(_GROUPS)),
    (r"\.conv\.", ".body."),
    (r"^conv2\.", "head."),
    (r"^classifier\.0\.", "head.6."),
)
# Their convolutions and BatchNorms are counted through both halves of a unit, ours are layers of each half.
_LEFT_OF_DOWN = {"conv1": "left.0", "bn1": "left.1", "conv2": "left.2", "bn2": "left.3"}
_RIGHT = (("right.0", "right.1"), ("right.3", "right.4"), ("right.5", "right.6"))
_SHUFFLE_V2: Rules = (
    *_STEM,
    (r"^conv2\.", "head.0."),
    (r"^bn2\.", "head.1."),
    (r"^linear\.", "head.6."),
    *_STAGES,
    *((rf"^(stages\.\d\.0)\.{theirs}\.", rf"\1.{own}.") for theirs, own in _LEFT_OF_DOWN.items()),
    *(
        (rf"^(stages\.\d\.{units})\.{layer}{first + index}\.", rf"\1.{own[kind]}.")
        for units, first in (("0", 3), (r"[1-9]\d*", 1))
        for index, own in enumerate(_RIGHT)
        for kind, layer in enumerate(("conv", "bn"))
    ),
)
_RULES: dict[str, Rules] = {
    **dict.fromkeys(resnet.LAYOUTS, (*_RESIDUAL, (r"^fc\.", "head.3."), (r"\.downsample\.", ".shortcut."))),
    **dict.fromkeys(imagenet_resnet.LAYOUTS, (*_RESIDUAL, (r"^linear\.", "head.3."))),
    **dict.fromkeys(wide_resnet.LAYOUTS, _WIDE),
    **dict.fromkeys(vgg.LAYOUTS, _VGG),
    "mobilenet_v2": _MOBILE,
    "shufflenet_v1": (*_RESIDUAL, (r"^linear\.", "head.3.")),
    "shufflenet_v2": _SHUFFLE_V2,
}
NAMES = tuple(_RULES)


def own_name(name: str, theirs: str) -> str:
    """Where the tensor ``theirs`` of CRD's state dict lies in our backbone ``name``.

    A name that CRD's model does not have comes out as one that ours does not have either.
    """
    for pattern, replacement in _RULES[name]:
        theirs = re.sub(pattern, replacement, theirs)
    return theirs


def load_crd(path: Path, name: str, num_classes: int, image_size: int = 32) -> Backbone:
    """The backbone ``name`` for colour images with a CRD checkpoint's weights, in eval mode.

    Args:
        image_size: the checkpoints are of 32 pixels; a backbone that is another one for larger images may not fit.
        path: of ``{"model": state dict, ...}``, as CRD's training writes, or of a state dict alone. Nothing in it is
            executed: torch reads tensors and plain values, and refuses everything else.

    Raises:
        UsageError: a name that CRD does not have; a missing, damaged or unsafe file; another architecture.
    """
    if name not in _RULES:
        raise UsageError(f"CRD has no checkpoints of {name!r}.", f"One of {list(NAMES)}.")
    model = create(name, num_classes, image_size=image_size)
    state = {own_name(name, theirs): tensor for theirs, tensor in _tensors(path).items()}
    if trouble := misfit(model.state_dict(), state):
        raise UsageError(
            f"{path} does not hold a {name} for {num_classes} classes and {image_size} pixels: {trouble}.",
            "Name the model that was saved, or set the image size that it is for.",
        )
    model.load_state_dict(state)
    return model.eval()


def _tensors(path: Path) -> Mapping[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Give the path of a checkpoint.") from error
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"{path} is no checkpoint, or holds more than tensors and plain values: it was refused, not executed.",
            "Where it was made, write torch.save({'model': model.state_dict()}, path).",
        ) from error
    except Exception as error:  # torch raises what it likes on a damaged file
        raise UsageError(f"{path} is a damaged checkpoint, or none.", "Copy it again.") from error
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UsageError(f"{path} holds no state dict.", "Give {'model': state dict} or a state dict alone.")
    return {str(key): value for key, value in state.items()}
