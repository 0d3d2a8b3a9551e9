"""The sections about what comes after training: evaluation, the gate, the name of what passes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from dfpt.settings import Positive, Section, Share


class Evaluation(Section):
    bootstrap: Positive = 2000  # resamples behind every interval
    latency_runs: Positive = 30
    robustness_images: Annotated[int, Field(ge=0)] = 200  # at most so many are corrupted, in thirty ways; 0: none


class Device(Section):
    """What the student may cost where it will run. A budget that is null is not asked for."""

    slowdown: Annotated[float, Field(gt=0)] = 1.0  # how many times slower its core is than the one that evaluates
    max_latency_seconds: Annotated[float, Field(gt=0)] | None = None  # one image, one core
    max_parameters: Positive | None = None
    max_weights_bytes: Positive | None = None


UnderCorruption = Annotated[str, Field(pattern=r"^(noise|blur|brightness|darkness|rotation|contrast|worst)@[1-5]$")]


class Thresholds(Section):
    """What a student must reach. A threshold that is null or absent is not asked for."""

    min_accuracy: Share | None = None
    min_macro_f1: Share | None = None
    min_binary_accuracy: Share | None = None
    min_defect_recall: Share | None = None
    min_worst_slice: Share | None = None
    max_drop_against_teacher: float | None = None
    min_gain_over_baseline: float | None = None
    max_ece: Share | None = None
    min_slices: dict[str, Share] = Field(default_factory=dict)  # by column=value
    min_under_corruption: dict[UnderCorruption, Share] = Field(default_factory=dict)  # by kind@strength
    max_likely_drop_against_teacher: float | None = None  # non-inferiority margin on the interval's lower end
    min_p_worse_than_teacher: Share | None = None  # exact McNemar test, one-sided
    max_drop_against_champion: float | None = None  # non-inferiority margin on the interval's lower end
    min_p_worse_than_champion: Share | None = None
    max_parameters: Positive | None = None
    max_latency_seconds: Annotated[float, Field(gt=0)] | None = None
    device: str | None = None  # a profile under devices:


class Registration(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "elpv"

    @field_validator("name")
    @classmethod
    def _is_a_candidates(cls, name: str) -> str:
        if name.endswith("-production"):
            raise ValueError("a name ending in -production is kept for what was approved")
        return name
