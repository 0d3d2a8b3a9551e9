"""The exponential moving average of a network over its training steps, which is often better than its last step."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from dfpt.training import distributed


class Average:
    """Weights and BatchNorm statistics, averaged after each update.

    Args:
        decay: how much of the average stays in a step; less at first, (1 + t) / (10 + t) after t updates, so that
            the untrained network is soon forgotten (as in the reference implementations).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._state = copy.deepcopy(network.state_dict())
        self._updates = 0

    @torch.no_grad()
    def update(self) -> None:
        self._updates += 1
        share = 1 - min(self._decay, (1 + self._updates) / (10 + self._updates))
        for name, tensor in self._network.state_dict().items():
            if tensor.is_floating_point():
                self._state[name].lerp_(tensor, share)
            else:
                self._state[name].copy_(tensor)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the network is its average; the statistics of several processes are one from here on."""
        own = copy.deepcopy(self._network.state_dict())
        self._network.load_state_dict(self._state)
        if distributed.size() > 1:
            distributed.average_buffers(self._network)
            self._state = copy.deepcopy(self._network.state_dict())
        try:
            yield
        finally:
            self._network.load_state_dict(own)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"weights": self._state, "updates": self._updates}

    def restore(self, state: dict[str, Any]) -> None:
        self._state = {name: tensor.to(self._state[name].device) for name, tensor in state["weights"].items()}
        self._updates = int(state["updates"])
