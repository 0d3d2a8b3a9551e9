"""The parts of report.json: what each figure is, and what a part must hold to agree with itself."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dfpt import corruption

Rate = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Change = Annotated[float, Field(ge=-1, le=1, strict=True, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Nats = Annotated[float, Field(ge=-1e-6, strict=True, allow_inf_nan=False)]  # 0 may come out a rounding below it
Count = Annotated[int, Field(ge=0, strict=True)]


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Difference(Part):
    """One model's figure minus another's on the same images, with its paired bootstrap interval."""

    difference: Change
    low: Change
    high: Change


class Paired(Part):
    """Images that only one of two models is right on, see :mod:`dfpt.evaluation.mcnemar`."""

    only_one: Count
    only_other: Count
    p_value: Rate


class Comparison(Part):
    accuracy: Difference
    macro_f1: Difference
    paired: Paired | None = None  # reports from before there was one


class Slice(Part):
    accuracy: Rate
    images: Count


class Bin(Part):
    confidence: Rate
    accuracy: Rate
    images: Count


class Figures(Part):
    """One model on the test split."""

    accuracy: Rate
    accuracy_low: Rate
    accuracy_high: Rate
    macro_f1: Rate
    binary_accuracy: Rate | None = None
    defect_recall: Rate | None = None
    worst_slice: Rate | None = None
    slices: dict[str, Slice] = Field(default_factory=dict)
    ece: Rate
    confusion: list[list[Count]]
    reliability: list[Bin]
    parameters: Annotated[int, Field(gt=0, strict=True)]
    latency_seconds: Seconds
    weights_bytes: Annotated[int, Field(gt=0, strict=True)] | None = None


class Images(Part):
    train: Count
    val: Count
    test: Annotated[int, Field(gt=0, strict=True)]


class Models(Part):
    teacher: Figures
    baseline: Figures
    student: Figures


class Knowledge(Part):
    """One path of the teacher, see :mod:`dfpt.evaluation.knowledge`; divergence and entropy in nats."""

    accuracy: Rate
    gap: Nats
    confidence: Rate
    ece: Rate
    other_classes: Nats


class Corrupted(Part):
    """The three models under one kind of corruption at one strength."""

    value: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
    teacher: Rate
    baseline: Rate
    student: Rate


class OfThree(Part):
    teacher: Rate
    baseline: Rate
    student: Rate


class Robustness(Part):
    """Accuracy under the suite of corruptions, see :mod:`dfpt.evaluation.robustness`."""

    images: Annotated[int, Field(gt=0, strict=True)]
    clean: OfThree
    corrupted: dict[str, dict[str, Corrupted]]
    mean: OfThree

    @model_validator(mode="after")
    def _is_the_whole_suite(self) -> Self:
        found = {kind: tuple(at.value for at in strengths.values()) for kind, strengths in self.corrupted.items()}
        names = [str(strength) for strength in corruption.STRENGTHS]
        if found != dict(corruption.SUITE) or any(list(at) != names for at in self.corrupted.values()):
            raise ValueError("the corruptions are not those of the suite, each at its five strengths")
        for model in OfThree.model_fields:
            at = {
                kind: {strength: entry.model_dump() for strength, entry in strengths.items()}
                for kind, strengths in self.corrupted.items()
            }
            rates = [entry[model] for strengths in at.values() for entry in strengths.values()]
            if any(abs(rate * self.images - round(rate * self.images)) > 1e-6 for rate in rates):
                raise ValueError(f"an accuracy of {model} under corruption is no share of {self.images} images")
            if abs(corruption.mean(at, model) - getattr(self.mean, model)) > 1e-9:
                raise ValueError(f"the mean accuracy of {model} under corruption is not that of its accuracies")
        return self
