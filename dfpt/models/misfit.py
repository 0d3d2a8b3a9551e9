"""How a state dict differs from a network's."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """The first difference in names and shapes; empty where there is none. Old files do not count batches."""
    for key in found.keys() - wanted.keys():
        return f"it has a tensor {key} too many"
    for key, tensor in wanted.items():
        if key not in found:
            if key.endswith("num_batches_tracked"):
                continue
            return f"it lacks {key}"
        if found[key].shape != tensor.shape:
            return f"{key} is {tuple(found[key].shape)} there and {tuple(tensor.shape)} here"
    return ""
