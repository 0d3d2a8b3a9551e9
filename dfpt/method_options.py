"""The hyper-parameters of the methods to compare with, as configuration: read without torch, before any training.

Their defaults are the published ones unless a comment says otherwise; :mod:`dfpt.distill.methods` has the methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from dfpt import packaged_weights
from dfpt.backbone_names import BackboneName, ImageSize
from dfpt.settings import Positive, Section, Share, Weight, validated

Temperature = Annotated[float, Field(gt=0, le=100)]
_WARM_UP = 20 / 240  # share of the training in which a divergence's weight rises


class Plain(Section):
    """None."""


class Weights(Section):
    """Of the two parts that nearly every method has."""

    label: Weight = 1.0  # of the cross-entropy with the labels
    knowledge: Weight = 1.0  # of what the method takes from the teacher


class Kd(Weights):
    """Defaults: those of the CRD benchmark, which the tables of later papers share."""

    label: Weight = 0.1
    knowledge: Weight = 0.9
    temperature: Temperature = 4.0


class KdLs(Weights):
    label: Weight = 0.1
    knowledge: Weight = 9.0
    temperature: Temperature = 2.0  # the "base temperature", in standard deviations of the logits


class Dkd(Weights):
    """Defaults: those published for resnet32x4 -> resnet8x4."""

    temperature: Temperature = 4.0
    alpha: Weight = 1.0  # of "the label or not"
    beta: Weight = 8.0  # of the other classes
    warm_up: Share = _WARM_UP


class DkdLs(Dkd):
    knowledge: Weight = 9.0
    temperature: Temperature = 2.0


class Dist(Weights):
    """Defaults: those published for CIFAR-100."""

    temperature: Temperature = 4.0
    beta: Weight = 2.0  # of the relations between the classes of an image
    gamma: Weight = 2.0  # of the relations between the images of a class


class Ctkd(Weights):
    label: Weight = 0.1
    knowledge: Weight = 0.9
    lowest: Temperature = 1.0
    span: Temperature = 20.0  # the temperature is lowest + span * sigmoid(a learned number that starts at 1)
    warm_up: Share = 10 / 240  # share of the training in which the gradient's reversal reaches its full strength


class Dtkd(Weights):
    temperature: Temperature = 4.0
    alpha: Weight = 3.0  # of the part with dynamic temperatures
    beta: Weight = 1.0  # of the part with the fixed one
    warm_up: Share = _WARM_UP


class Takd(Kd):
    assistant: BackboneName = "tiny_500k"  # ours: any model between teacher and student in size
    image_size: ImageSize | None = None  # pixels that the assistant reads; None: as many as the student (ours)
    pretrained: bool = False  # whether it begins with packaged weights (ours)

    @model_validator(mode="after")
    def _begins_with_weights(self) -> Self:
        packaged_weights.check(self.assistant, self.pretrained)
        return self


class Eskd(Kd):
    """KD's. The teacher's training is stopped by ``teacher.recipe.stop_after``."""


class PesfKd(Weights):
    """Defaults are KD's (ours): the paper's code takes its weights from the command line and names none."""

    label: Weight = 0.1
    knowledge: Weight = 0.9
    temperature: Temperature = 4.0  # theirs: 6
    adapter: Weight = 1.0  # of the adapted teacher's own cross-entropy
    hidden: Positive = 32  # width of the adapter


class FitNet(Weights):
    """Defaults: those of the CRD benchmark, which trains hints and labels together and not one after the other."""

    knowledge: Weight = 100.0
    stage: int | None = None  # of the student, negative counts from the last; None: the middle one


class At(Weights):
    knowledge: Weight = 1000.0  # so large because the loss is a mean over places


class Crd(Weights):
    knowledge: Weight = 0.8
    size: Positive = 128  # of the projections
    # Theirs: 16384, of 50,000 images. Ours is for thousands, and never more than there are images of other classes.
    negatives: Annotated[int, Field(gt=0, le=16384)] = 1024
    temperature: Temperature = 0.07
    momentum: Share = 0.5  # share of the old row that a memory keeps


# Of every method that reads ``distillation.options``; the simplest first.
OPTIONS: dict[str, type[Section]] = {
    "plain": Plain,
    "kd": Kd,
    "kd_ls": KdLs,
    "dkd": Dkd,
    "dkd_ls": DkdLs,
    "dist": Dist,
    "ctkd": Ctkd,
    "dtkd": Dtkd,
    "takd": Takd,
    "eskd": Eskd,
    "pesf_kd": PesfKd,
    "fitnet": FitNet,
    "at": At,
    "crd": Crd,
}
NEEDS_ONE_LABEL = frozenset({"dkd", "dkd_ls", "crd"})  # an image that is mixed from two has none


def checked(method: str, options: Mapping[str, Any]) -> Section:
    """The options of ``method``, its defaults filled in.

    Raises:
        UsageError: one that the method does not have, or a value that is not valid.
    """
    return validated(OPTIONS[method], options, f"the options of {method}")
