"""The sections about how knowledge goes from the teacher to the student."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dfpt import method_options
from dfpt.config.networks import Augmentation
from dfpt.settings import Section, Weight

# When the prompt path adapts to the student: in every step, not at all, or for a while before every round.
Adapt = Literal["joint", "frozen", "alternate"]
Stages = Annotated[tuple[int, ...], Field(min_length=1)]


class Divergence(Section):
    """How far two answers are apart, see :func:`dfpt.distill.losses.between`."""

    divergence: Literal["kl", "dkd", "dist", "ls"] = "kl"  # that of KD, DKD, DIST or KD of standardised logits
    beta: Weight = 2.0  # dkd: of the classes that are not the label; dist: of both relations
    temperature: Annotated[float, Field(gt=0)] = 4.0


class Blocks(Section):
    """The layers of the prompt-based forward path (paper, section on the prompt path; all defaults are ours)."""

    stages: Stages = (-2, -1)  # stages followed by a prompt block; negative counts from the last
    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5  # r1
    partial: Annotated[float, Field(gt=0, le=1)] = 0.25  # r2
    kernels: tuple[Literal[1, 3, 5, 7, 9, 11], ...] = (3, 5, 7)  # odd, so that the shape stays
    norm: Literal["batch", "layer", "none"] = "batch"  # between a prompt block's convolutions; layer: of each image
    activation: Literal["relu", "gelu"] = "relu"  # there too
    statistics: Literal["own", "teacher"] | None = None  # of later stages' BatchNorm; None: own where these are trained
    form: Literal["blocks", "affine", "temperature"] = "blocks"  # the latter two are controls: maps without any input
    neutral_start: bool = True  # the path starts as the original one


class Prompt(Blocks, Divergence):
    """The prompt-based forward path and its losses (paper, section on bidirectional supervision)."""

    from_original: Weight = 1.0  # a_o
    from_student: Weight = 1.0  # a_s
    lr: Annotated[float, Field(gt=0)] = 1e-3
    epochs: Annotated[int, Field(ge=0)] = 5  # of tune-prompt


class Distillation(Divergence):
    """How the student is taught: by DFPT-KD, or by a method that it is compared with, which reads ``options`` alone."""

    method: Literal[
        "dfpt-kd",
        "dfpt-kd+",
        "plain",
        "kd",
        "kd_ls",
        "dkd",
        "dkd_ls",
        "dist",
        "ctkd",
        "dtkd",
        "takd",
        "eskd",
        "pesf_kd",
        "fitnet",
        "at",
        "crd",
    ] = "dfpt-kd"
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)  # see dfpt.method_options
    adapt: Adapt = "joint"
    round: Annotated[int, Field(ge=1)] = 5  # epochs from one adaptation to the next, where these alternate
    adapt_epochs: Annotated[int, Field(ge=1)] = 1  # of each of these adaptations
    warm_start: bool = False  # the student starts from the probe
    label: Weight = 1.0  # weight of CE(z_s, y)
    from_original: Weight = 1.0  # b_o
    from_prompt: Weight = 1.0  # b_p
    teacher_cache: bool = True  # false: the teacher runs in every step, so that images may be changed at random
    at_places: Weight = 0.0  # of both paths' knowledge at every place of the last feature map (ours); 0: none

    @model_validator(mode="after")
    def _has_the_methods_options(self) -> Distillation:
        if not self.by_both_paths:
            method_options.checked(self.method, self.options)
        elif self.options:
            raise ValueError(f"{self.method} takes no options: it reads the keys beside them")
        return self

    @model_validator(mode="after")
    def _caches_what_a_round_needs(self) -> Distillation:
        if self.keeps_a_round and not self.teacher_cache:
            raise ValueError(
                "adapt=alternate keeps what both paths say for a round, and teacher_cache=false keeps nothing: "
                "take adapt=joint, or the cache"
            )
        return self

    @property
    def by_both_paths(self) -> bool:
        """DFPT-KD or DFPT-KD+: only these need a tuned prompt path."""
        return self.method.startswith("dfpt")

    @property
    def keeps_a_round(self) -> bool:
        """What both paths say is computed once for a round, which takes the cache."""
        return self.by_both_paths and self.adapt == "alternate"


def check_augmentation(augmentation: Augmentation, prompt: Prompt, distillation: Distillation) -> None:
    """Raises ValueError where teacher or method cannot follow what is done to the images."""
    if not augmentation.exact and distillation.teacher_cache:
        joint = " and distillation.adapt=joint" if distillation.keeps_a_round else ""
        raise ValueError(
            "what the teacher says of images that are changed at random cannot be cached: "
            f"set distillation.teacher_cache=false{joint}, or augmentation's crop, flip, mixup and cutmix to 0"
        )
    one_label = distillation.method in method_options.NEEDS_ONE_LABEL or (
        distillation.by_both_paths and "dkd" in (distillation.divergence, prompt.divergence)
    )
    if augmentation.mixes and one_label:
        raise ValueError("an image mixed from two has no label of its own, which this method or divergence needs")
