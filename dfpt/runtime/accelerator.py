"""A step that was given devices uses them, or ends with an error: an idle GPU is paid for."""

from __future__ import annotations

import os

from dfpt.errors import UsageError

VARIABLE = "DFPT_ACCELERATORS"  # how many devices the pod was given


def check(step: str) -> None:
    """Raises UsageError where ``step`` was given devices that torch cannot see."""
    asked = int(os.environ.get(VARIABLE) or 0)
    if asked == 0:
        return
    import torch

    seen = torch.cuda.device_count()
    if seen < asked:
        build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU alone"
        raise UsageError(
            f"{step} asks for {asked} accelerator(s), but torch (built for {build}) sees {seen}.",
            f"Use the image's cuda variant on a node with its driver, or remove cluster.resources.{step}.accelerator.",
        )
