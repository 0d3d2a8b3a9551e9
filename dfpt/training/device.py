"""Where networks compute: on the GPU that this process was given, else on the CPU.

Data stays in the CPU's memory and networks live there; a batch and the networks go to the device for as long as they
are used. So whatever is saved, cached or handed to another step is the CPU's, wherever it was computed.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator

import torch
from torch import nn


@functools.cache
def chosen() -> torch.device:
    """This process's device; of several processes on a node (torchrun) each has the GPU of its own number."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK") or 0) % torch.cuda.device_count())


@contextlib.contextmanager
def holding(networks: Iterable[nn.Module]) -> Iterator[None]:
    """Inside, the networks are on the device; those that were there before stay there."""
    held = [network for network in networks if not _is_there(network)]
    for network in held:
        network.to(chosen())
    try:
        yield
    finally:
        for network in held:
            network.to("cpu")


def _is_there(network: nn.Module) -> bool:
    return all(tensor.device == chosen() for tensor in (*network.parameters(), *network.buffers()))


def name() -> str:
    """Of the device, for what is measured on it."""
    place = chosen()
    return torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu"


def finish() -> None:
    """Wait for what was started there: a GPU answers before it has computed."""
    if chosen().type == "cuda":
        torch.cuda.synchronize(chosen())
