"""Several processes that train one network together, as torchrun starts them: each takes its share of every batch.

Gradients are averaged after each backward pass. That is done here and not by torch's DistributedDataParallel, which
wraps one forward method; a task runs parts of two networks.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

import torch
from torch import Tensor, distributed, nn

from dfpt.errors import UsageError
from dfpt.training import device

Found = TypeVar("Found")
_apart = False  # the first process is at something of which the others await the result
_PATIENCE = datetime.timedelta(hours=12)  # the others wait while the first one computes features


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """This process as one of those that torchrun started; its address and rank are in the environment."""
    place = device.chosen()
    if place.type == "cuda":
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def size() -> int:
    """How many processes train together; 1 for one alone, also while the others await what it finds."""
    together = distributed.is_available() and distributed.is_initialized() and not _apart
    return distributed.get_world_size() if together else 1


def rank() -> int:
    return distributed.get_rank() if size() > 1 else 0


def wait() -> None:
    """Until all processes are here."""
    if size() > 1:
        distributed.barrier()


def share(index_B: Tensor) -> Tensor:
    """This process's part of a batch. Equal parts alone make the mean of the parts the mean of the whole.

    Raises:
        UsageError: the batch cannot be dealt out evenly.
    """
    if len(index_B) % size():
        raise UsageError(
            f"A batch of {len(index_B)} images cannot be dealt out evenly to {size()} processes.",
            "Choose a batch_size that they divide.",
        )
    return index_B.view(size(), -1)[rank()]


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Every gradient becomes the mean over the processes, in one exchange."""
    if size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= size()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view(gradient.shape))


def average_buffers(network: nn.Module) -> None:
    """BatchNorm's running statistics become the mean over the processes; before that each had those of its parts."""
    if size() == 1:
        return
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for buffer in filter(Tensor.is_floating_point, module.buffers(recurse=False)):
                distributed.all_reduce(buffer)
                buffer /= size()


def total(value: Tensor) -> Tensor:
    """Its sum over the processes, in place."""
    if size() > 1:
        distributed.all_reduce(value)
    return value


def of_first(find: Callable[[], Found]) -> Found:
    """What the first process finds, in all of them; ``find`` may train, as one process does."""
    global _apart
    if size() == 1:
        return find()
    found: list[Found | None] = [None]
    if rank() == 0:
        _apart = True
        try:
            found = [find()]
        finally:
            _apart = False
    distributed.broadcast_object_list(found, device=device.chosen())
    return cast(Found, found[0])


def mean(values: dict[str, float]) -> dict[str, float]:
    """Of each figure over the processes."""
    if size() == 1:
        return values
    found = torch.tensor(list(values.values()), dtype=torch.float64, device=device.chosen())
    distributed.all_reduce(found)
    return dict(zip(values, (found / size()).tolist(), strict=True))


@contextlib.contextmanager
def first_alone() -> Iterator[None]:
    """The first process goes through the block before the others: what it leaves on disk they find there."""
    if rank() > 0:
        wait()
    yield
    if rank() == 0:
        wait()
