from __future__ import annotations

import time

import torch
from torch import nn

from dfpt.evaluation.latency import latency_seconds


class Busy(nn.Module):
    """Works 2 ms an image, and 50 ms in every fifth call; remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[tuple[int, ...], bool, int]] = []

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        end = time.perf_counter() + (0.05 if len(self.calls) % 5 == 0 else 0.002)
        while time.perf_counter() < end:
            pass
        self.calls.append((tuple(image.shape), self.training, torch.get_num_threads()))
        return image


def test_it_is_the_median_of_single_images_in_eval_mode() -> None:
    model = Busy().train()
    found = latency_seconds(model, channels=1, image_size=16, runs=9)
    assert 0.002 <= found < 0.02
    assert set(model.calls) == {((1, 1, 16, 16), False, 1)}


def test_it_uses_one_thread_and_leaves_the_threads_and_the_mode_as_they_were() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = Busy().train()
        latency_seconds(model, 1, 8, runs=1)
        assert {used for _, _, used in model.calls} == {1}
        assert (torch.get_num_threads(), model.training) == (2, True)
    finally:
        torch.set_num_threads(threads)
