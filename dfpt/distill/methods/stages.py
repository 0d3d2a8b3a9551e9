"""Which stage of a teacher answers to which of a student, and maps of one size."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dfpt.distill.places import common_grid


def partner(stage: int, student_count: int, teacher_count: int) -> int:
    """The teacher's stage, from 0, at the same relative depth (ours); for equal counts the same one."""
    return max(0, round((stage + 1) * teacher_count / student_count) - 1)


def on_common_grid(first_BCHW: Tensor, second_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps averaged to the coarser one's places: (B, C, H, W) and (B, C', H, W)."""
    grid = common_grid(first_BCHW, second_BCHW)
    first, second = (x if x.shape[2:] == grid else F.adaptive_avg_pool2d(x, grid) for x in (first_BCHW, second_BCHW))
    return first, second
