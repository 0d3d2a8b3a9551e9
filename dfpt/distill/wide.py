"""Number types that a loss may be computed in."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """``x`` in float32 where it is of a half type; float64 stays (so that gradients can be checked in it)."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
