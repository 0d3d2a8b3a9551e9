"""What a model costs where it will run: the time for one image on one CPU core."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_WARM_UP = 5


def latency_seconds(model: nn.Module, channels: int, image_size: int, runs: int) -> float:
    """Median time of one forward pass of one image (1, channels, image_size, image_size), in seconds.

    On one thread, as small devices have it, and after a warm-up; the process's thread count and the model's mode are as
    before afterwards. The median, because the machine may be busy with something else in some of the runs.
    """
    import torch

    threads, training = torch.get_num_threads(), model.training
    torch.set_num_threads(1)
    model.eval()
    image = torch.zeros(1, channels, image_size, image_size)
    times = []
    try:
        with torch.inference_mode():
            for run in range(_WARM_UP + runs):
                start = time.perf_counter()
                model(image)
                if run >= _WARM_UP:
                    times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
        model.train(training)
    return statistics.median(times)
