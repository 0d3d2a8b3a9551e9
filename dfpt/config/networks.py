"""The sections about networks and their training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dfpt import packaged_weights
from dfpt.backbone_names import BackboneName, ImageSize
from dfpt.settings import Section, Share, Weight


class Recipe(Section):
    """How one network is trained."""

    epochs: Annotated[int, Field(ge=0)] = 20
    batch_size: Annotated[int, Field(ge=2)] = 64  # of one image BatchNorm has no variance
    lr: Annotated[float, Field(gt=0)] = 1e-3  # the schedule's highest
    schedule: Literal["one-cycle", "cosine", "step"] = "one-cycle"  # step: the CRD benchmark's three drops to a tenth
    optimiser: Literal["adamw", "sgd"] = "adamw"  # sgd: with momentum 0.9; one-cycle moves it, 0.95 to 0.85
    weight_decay: Weight = 0.02
    clip: Weight = 0.0  # longest gradient of the student, and of the prompt path; 0: any
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the average of the weights that is kept; 0: none
    label_smoothing: Share = 0.0
    class_balance: Share = 0.25  # 0: every image counts the same; 1: every class does
    logit_adjustment: Weight = 0.0  # of the logarithm of the class frequencies, added in training; 0: none
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 where it is clearly faster
    memory_format: Literal["auto", "channels_last", "contiguous"] = "auto"  # measured likewise
    compile: bool = False  # by torch; the first steps take longer, and a C++ compiler is needed
    stop_after: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the epochs that are trained; the schedule stays


class Augmentation(Section):
    """Exact views, whose teacher's knowledge can be computed once and kept, and random changes, whose cannot.

    The random ones are for whoever is trained from its pixels: the student, and a teacher without frozen stages (which
    has its own mixup). Noise is for these too, but a teacher that teaches is asked about the image without it.
    """

    views: Literal[1, 8] = 8  # 8: quarter turns and mirror images; 1: the image as it is
    crop: Annotated[float, Field(ge=0, le=0.5)] = 0.0  # share of the side padded before a window is cut out; 0: none
    flip: bool = False  # mirror every second image; eight views have the mirror images already
    mixup: Weight = 0.0  # alpha of a mixture's share (Zhang et al. 2018); 0: none
    cutmix: Weight = 0.0  # alpha of a pasted box's area (Yun et al. 2019); 0: none
    noise: Annotated[float, Field(ge=0, le=0.5)] = 0.0  # largest standard deviation, of pixels on [0, 1]; 0: none

    @property
    def mixes(self) -> bool:
        return bool(self.mixup or self.cutmix)

    @property
    def exact(self) -> bool:
        """Whether a teacher is asked about nothing but the views."""
        return not (self.crop or self.flip or self.mixes)


_WEIGHTS = r"^(file:.+|crd:.+|mlflow:models:/[^/@]+/[0-9]+)$"  # an alias may be another version tomorrow


class Teacher(Section):
    model: BackboneName = "efficientnet_lite0"
    image_size: ImageSize = 128
    pretrained: bool = True
    weights: Annotated[str, Field(pattern=_WEIGHTS)] | None = None  # instead of these
    weights_sha256: str | None = None  # of that file or folder; looked up where a run starts, unless it is given
    mixup: Weight = 0.0  # alpha of the share in which two inputs are mixed (Zhang et al. 2018); 0: none
    frozen_stages: Annotated[int, Field(ge=0)] = 3  # kept as pre-trained; their features are computed once and cached
    licence: str | None = None  # SPDX, of weights of your own; else that of the packaged ones
    recipe: Recipe = Recipe()

    @model_validator(mode="after")
    def _has_weights_to_begin_with(self) -> Self:
        if self.weights is None:
            packaged_weights.check(self.model, self.pretrained)
        if self.weights_sha256 and not (self.weights or "").startswith(("file:", "crd:")):
            raise ValueError("weights_sha256 is of weights in a file: set teacher.weights=file:PATH or crd:PATH")
        return self


class Student(Section):
    model: BackboneName = "tiny_160k"
    image_size: ImageSize = 64
    pretrained: bool = False
    frozen_stages: Annotated[int, Field(ge=0)] = 0  # as the teacher's
    recipe: Recipe = Recipe()

    @model_validator(mode="after")
    def _begins_and_freezes_with_weights(self) -> Self:
        packaged_weights.check(self.model, self.pretrained)
        if self.frozen_stages and not self.pretrained:
            raise ValueError("frozen_stages would keep stages as they began, at random: set pretrained=true")
        return self


def check_frozen_student(augmentation: Augmentation, student: Student) -> None:
    """Raises ValueError where features are to be kept of images that are changed at random."""
    if student.frozen_stages and (augmentation.noise or not augmentation.exact):
        raise ValueError(
            "what the student's frozen stages say of images that are changed at random cannot be cached: "
            "set student.frozen_stages=0, or augmentation's noise, crop, flip, mixup and cutmix to 0"
        )
