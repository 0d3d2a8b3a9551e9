"""The backbones' names, stages and smallest image: known to a configuration, without torch, before any training."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from dfpt.settings import nearest

STAGES = {  # of each; of another library's model only the library knows
    **{f"resnet{depth}": 3 for depth in (8, 14, 20, 32, 44, 56, 110)},
    **dict.fromkeys(("resnet8x4", "resnet32x4"), 3),
    **dict.fromkeys(("resnet18", "resnet34", "resnet50"), 4),
    **dict.fromkeys(("wrn_16_1", "wrn_16_2", "wrn_40_1", "wrn_40_2"), 3),
    **dict.fromkeys(("vgg8", "vgg11", "vgg13", "vgg16", "vgg19"), 4),
    "mobilenet_v2": 4,
    **dict.fromkeys(("shufflenet_v1", "shufflenet_v2"), 3),
    **dict.fromkeys(("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"), 7),
    **{f"efficientnet_lite0_s{stages}": stages for stages in (3, 4, 5)},
    **dict.fromkeys(("tiny_20k", "tiny_60k", "tiny_160k", "tiny_200k", "tiny_500k"), 3),
}
NAMES = tuple(STAGES)
_LIBRARIES = ("timm", "torchvision")  # of LIBRARY:NAME, whose names only the library knows
SMALLEST = 8  # pixels: a VGG halves it three times without padding


def known(name: str) -> bool:
    """Whether ``name`` is one of ``NAMES``, or another library's."""
    library, colon, _ = name.partition(":")
    return name in NAMES or bool(colon and library in _LIBRARIES)


def _checked(name: str) -> str:
    if not known(name):
        raise ValueError(f"no such model: {nearest(name, NAMES)}")
    return name


BackboneName = Annotated[str, AfterValidator(_checked)]
ImageSize = Annotated[int, Field(ge=SMALLEST)]  # pixels
