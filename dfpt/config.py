"""The configuration: typed sections, one place that reads them.

Precedence: ``--set`` flag > environment ``DFPT_SECTION__KEY`` > the profile > ``params.yaml`` > default.
An unknown key is an error that names the nearest valid one.
"""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, field_validator, model_validator

from dfpt import method_options, settings, suite_file
from dfpt.cluster.config import Cluster
from dfpt.errors import UsageError
from dfpt.settings import Positive, Section, Share, Weight

ENVIRONMENT_PREFIX = "DFPT_"
# Read elsewhere, so no configuration keys: the state folder, the profile, the registry's, and what a runner tells
# its steps.
RESERVED_ENVIRONMENT = {
    "DFPT_ACCELERATORS",
    "DFPT_APPROVALS",
    "DFPT_APPROVALS_TOKEN",
    "DFPT_APPROVALS_TOKEN_FILE",
    "DFPT_APPROVALS_URL",
    "DFPT_AUDIT_KEY",
    "DFPT_CONTAINERS",
    "DFPT_GIT_REVISION",
    "DFPT_HOME",
    "DFPT_LAUNCH",
    "DFPT_NOTIFY_KEY",
    "DFPT_NOTIFY_URL",
    "DFPT_POD",
    "DFPT_PROFILE",
    "DFPT_REGISTRY_URL",
    "DFPT_SCHEDULES",
    "DFPT_TRIGGERS_SECRET",
    "DFPT_DEBUG",
    "DFPT_ERROR_FILE",
    "DFPT_RUN",
    "DFPT_RUN_FOLDER",
    "DFPT_RUNNER_PID",
    "DFPT_TRACKING",
}
# The approvals service's settings, and what Kubernetes tells every pod of a namespace about a Service dfpt-approvals:
# DFPT_APPROVALS_PORT and its like.
_OF_A_SERVICE = re.compile(
    r"^DFPT_SERVICE_|_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_[A-Z]+)?)?)$"
)


class Fold(Section):
    """One fold of a stratified k-fold partition. Its seed is its own: training may vary while the folds stay."""

    count: Annotated[int, Field(ge=2)] = 4
    index: Annotated[int, Field(ge=0)] = 0  # this fold is the test split
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Fold:
        if self.index >= self.count:
            raise ValueError(f"fold {self.index} of {self.count}: the folds are counted from 0 to {self.count - 1}")
        return self


class Group(Section):
    """What ties images together, so that they never lie in two splits: a module, a batch, a day."""

    column: str | None = None  # of the manifest
    file: str | None = None  # CSV with the columns id and group

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> Group:
        if (self.column is None) == (self.file is None):
            raise ValueError("name either group.column or group.file")
        return self


class Data(Section):
    """Where the images come from and how they are split."""

    source: str = "elpv"
    image_size: Positive = 128  # working size, pixels: no model reads a larger one
    split: Literal["stratified", "block", "group", "fold", "ids"] = "stratified"
    val: Share = 0.15  # of all images; with split fold, of those outside the fold
    test: Share = 0.25  # not read with split fold
    fold: Fold | None = None
    group: Group | None = None
    ids: str | None = None  # CSV with the columns id and split
    licence: str | None = None  # SPDX, of images whose source does not declare its own

    @model_validator(mode="after")
    def _has_what_the_split_reads(self) -> Data:
        for name in ("fold", "group", "ids"):
            if self.split == name and getattr(self, name) is None:
                raise ValueError(f"split {name} needs data.{name}")
        if self.fold and self.split != "fold":
            raise ValueError(f"split {self.split} does not read data.fold")
        if self.ids and self.split != "ids":
            raise ValueError(f"split {self.split} does not read data.ids")
        if self.group and self.split in ("stratified", "block"):
            raise ValueError(f"split {self.split} takes groups apart: with data.group use group, fold or ids")
        return self

    @property
    def lists(self) -> tuple[Path, ...]:
        """The files besides the images that decide the split."""
        named = (self.ids, self.group.file if self.group else None)
        return tuple(Path(name).expanduser() for name in named if name)


class Validation(Section):
    """When data is not fit to train on."""

    max_rejected: Share = 0.01  # share of all images that may be rejected
    min_per_class: Positive = 5  # in every split
    suite: str | None = None  # file of expectations; else the one of the source in data/expectations
    expectations: str | None = None  # the suite itself, as JSON: what a runner hands to the step, which has no file
    label_errors: bool = True  # look for labels that a simple model contradicts
    data_docs: bool = False  # Great Expectations' own pages as well; they load their styles from outside


class Recipe(Section):
    """How one network is trained."""

    epochs: Annotated[int, Field(ge=0)] = 20
    batch_size: Positive = 64
    lr: Annotated[float, Field(gt=0)] = 1e-3  # the schedule's highest
    schedule: Literal["one-cycle", "cosine", "step"] = "one-cycle"  # step: the CRD benchmark's three drops to a tenth
    optimiser: Literal["adamw", "sgd"] = "adamw"  # sgd: with momentum 0.9
    weight_decay: Weight = 0.02
    clip: Weight = 0.0  # longest gradient of the student, and of the prompt path; 0: any
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the average of the weights that is kept; 0: none
    label_smoothing: Share = 0.0
    class_balance: Share = 0.25  # 0: every image counts the same; 1: every class does
    logit_adjustment: Weight = 0.0  # of the logarithm of the class frequencies, added in training; 0: none
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: the faster one, measured once on this machine
    memory_format: Literal["channels_last", "contiguous", "auto"] = "channels_last"
    compile: bool = False  # by torch; the first steps take longer, and a C++ compiler is needed
    stop_after: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the epochs that are trained; the schedule stays


class Augmentation(Section):
    """Exact views, whose teacher's knowledge can be computed once and kept, and random changes, whose cannot.

    The random ones are for whoever is trained from its pixels: the student, and a teacher without frozen stages (which
    has its own mixup).
    """

    views: Literal[1, 8] = 8  # 8: quarter turns and mirror images; 1: the image as it is
    crop: Annotated[float, Field(ge=0, le=0.5)] = 0.0  # share of the side padded before a window is cut out; 0: none
    flip: bool = False  # mirror every second image; eight views have the mirror images already
    mixup: Weight = 0.0  # alpha of a mixture's share (Zhang et al. 2018); 0: none
    cutmix: Weight = 0.0  # alpha of a pasted box's area (Yun et al. 2019); 0: none

    @property
    def mixes(self) -> bool:
        return bool(self.mixup or self.cutmix)

    @property
    def exact(self) -> bool:
        """Whether the views are all there is."""
        return not (self.crop or self.flip or self.mixes)


class Teacher(Section):
    model: str = "efficientnet_lite0"
    image_size: Positive = 128
    pretrained: bool = True
    weights: Annotated[str, Field(pattern=r"^(file:.+|crd:.+|mlflow:models:/.+)$")] | None = None  # instead of these
    mixup: Weight = 0.0  # alpha of the share in which two inputs are mixed (Zhang et al. 2018); 0: none
    frozen_stages: Annotated[int, Field(ge=0)] = 3  # kept as pre-trained; their features are computed once and cached
    licence: str | None = None  # SPDX, of weights of your own; else that of the packaged ones
    recipe: Recipe = Recipe()


class Student(Section):
    model: str = "tiny_160k"
    image_size: Positive = 64
    recipe: Recipe = Recipe()


class Divergence(Section):
    """How far two answers are apart, see :func:`dfpt.distill.losses.between`."""

    divergence: Literal["kl", "dkd", "dist", "ls"] = "kl"  # that of KD, DKD, DIST or KD of standardised logits
    beta: Weight = 2.0  # dkd: of the classes that are not the label; dist: of both relations
    temperature: Annotated[float, Field(gt=0)] = 4.0


class Prompt(Divergence):
    """The prompt-based forward path and its losses (paper, sections on prompt path and bidirectional supervision)."""

    stages: tuple[int, ...] = (-2, -1)  # stages followed by a prompt block; negative counts from the last
    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5  # r1
    partial: Annotated[float, Field(gt=0, le=1)] = 0.25  # r2
    kernels: tuple[Literal[1, 3, 5, 7, 9, 11], ...] = (3, 5, 7)  # odd, so that the shape stays
    from_original: Weight = 1.0  # a_o
    from_student: Weight = 1.0  # a_s
    lr: Annotated[float, Field(gt=0)] = 1e-3
    epochs: Annotated[int, Field(ge=0)] = 5  # of tune-prompt
    form: Literal["blocks", "affine", "temperature"] = "blocks"  # the latter two are controls: maps without any input
    neutral_start: bool = True  # the path starts as the original one


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
    adapt: Literal["joint", "frozen"] = "joint"
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

    @property
    def by_both_paths(self) -> bool:
        """DFPT-KD or DFPT-KD+: only these need a tuned prompt path."""
        return self.method.startswith("dfpt")


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


def _check_augmentation(augmentation: Augmentation, prompt: Prompt, distillation: Distillation) -> None:
    """Raises ValueError where teacher or method cannot follow what is done to the images."""
    if not augmentation.exact and distillation.teacher_cache:
        raise ValueError(
            "what the teacher says of images that are changed at random cannot be cached: "
            "set distillation.teacher_cache=false, or augmentation's crop, flip, mixup and cutmix to 0"
        )
    one_label = distillation.method in method_options.NEEDS_ONE_LABEL or (
        distillation.by_both_paths and "dkd" in (distillation.divergence, prompt.divergence)
    )
    if augmentation.mixes and one_label:
        raise ValueError("an image mixed from two has no label of its own, which this method or divergence needs")


class Config(Section):
    """params.yaml, resolved."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    data: Data = Data()
    validation: Validation = Validation()
    augmentation: Augmentation = Augmentation()
    teacher: Teacher = Teacher()
    student: Student = Student()
    prompt: Prompt = Prompt()
    distillation: Distillation = Distillation()
    evaluation: Evaluation = Evaluation()
    gate: dict[str, Thresholds] = Field(default_factory=lambda: {"default": Thresholds()})  # by source
    devices: dict[str, Device] = Field(default_factory=dict)
    registration: Registration = Registration()
    cluster: Cluster = Cluster()  # read by the engines alone, by no step

    @model_validator(mode="after")
    def _has_a_path_to_tune(self) -> Config:
        if self.prompt.form != "blocks" and self.distillation.method == "dfpt-kd+":
            raise ValueError(
                f"prompt.form {self.prompt.form} has no stages of its own: use distillation.method dfpt-kd"
            )
        return self

    @model_validator(mode="after")
    def _has_the_teacher_that_the_method_needs(self) -> Config:
        if self.distillation.method == "eskd" and self.teacher.recipe.stop_after == 1:
            raise ValueError("eskd learns from a teacher that was stopped early: set teacher.recipe.stop_after")
        return self

    @model_validator(mode="after")
    def _augments_as_the_method_allows(self) -> Config:
        _check_augmentation(self.augmentation, self.prompt, self.distillation)
        return self

    @model_validator(mode="after")
    def _knows_its_devices(self) -> Config:
        for source, thresholds in self.gate.items():
            if thresholds.device is not None and thresholds.device not in self.devices:
                known = ", ".join(self.devices) or "none"
                raise ValueError(f"gate.{source}.device is {thresholds.device!r}; under devices there is {known}")
        return self

    def thresholds(self) -> Thresholds:
        """The gate's thresholds for this source: under its name, else its kind (``folder``), else ``default``."""
        kind = self.data.source.partition(":")[0]
        return self.gate.get(self.data.source) or self.gate.get(kind) or self.gate["default"]


# What each step is handed: the fields name the sections that it reads, and nothing else can change its result.


class PrepareConfig(Section):
    seed: int
    data: Data


class ValidateConfig(Section):
    validation: Validation


class TrainTeacherConfig(Section):
    seed: int
    augmentation: Augmentation
    teacher: Teacher


class TrainBaselineConfig(Section):
    seed: int
    augmentation: Augmentation
    student: Student


class TunePromptConfig(Section):
    seed: int
    augmentation: Augmentation
    student: Student
    prompt: Prompt
    distillation: Distillation

    @model_validator(mode="after")
    def _augments_as_the_method_allows(self) -> Self:
        _check_augmentation(self.augmentation, self.prompt, self.distillation)
        return self


class DistilConfig(TunePromptConfig):
    pass


class EvaluateConfig(Section):
    seed: int
    evaluation: Evaluation


class GateConfig(Section):
    seed: int
    evaluation: Evaluation
    gate: Thresholds
    devices: dict[str, Device] = Field(default_factory=dict)
    registration: Registration


class RegisterConfig(Section):
    registration: Registration


STEP_CONFIGS: dict[str, type[Section]] = {
    "prepare": PrepareConfig,
    "validate": ValidateConfig,
    "train-teacher": TrainTeacherConfig,
    "train-baseline": TrainBaselineConfig,
    "tune-prompt": TunePromptConfig,
    "distil": DistilConfig,
    "evaluate": EvaluateConfig,
    "gate": GateConfig,
    "register": RegisterConfig,
}


def for_step(config: Config, step: str) -> Section:
    """The part of the configuration that ``step`` reads.

    Raises:
        UsageError: the suite that validate needs cannot be read.
    """
    values = {
        field: config.thresholds() if field == "gate" else getattr(config, field)
        for field in STEP_CONFIGS[step].model_fields
    }
    if step == "validate":
        values["validation"] = with_expectations(config)
    return STEP_CONFIGS[step].model_validate(values)


def with_expectations(config: Config) -> Validation:
    """The suite goes along as text: an edited file makes a new result, and a step far away needs no file."""
    found = config.validation
    if found.expectations is not None:
        return found
    text = suite_file.text(found.suite, config.data.source, config.registration.name)
    return found.model_copy(update={"expectations": text})


def parse_step(step: str, values: Mapping[str, Any]) -> Section:
    """A step's configuration as it comes from a pipeline parameter (whose integers may arrive as floats)."""
    return settings.validated(STEP_CONFIGS[step], values, f"the configuration of step {step}")


def resolve(
    path: Path | None,
    profile: str | None = None,
    assignments: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read and check the whole configuration.

    Args:
        path: params.yaml; None takes the one shipped with the package.
        profile: a name under ``profiles:`` of that file; None takes DFPT_PROFILE, then the file's ``profile:``.
        assignments: ``a.b=c`` texts of ``--set``; the value is read as YAML.
        environment: defaults to ``os.environ``.

    Raises:
        UsageError: a missing or unreadable file, an unknown key or profile, a value of a wrong type.
    """
    environment = os.environ if environment is None else environment
    path = path or Path(__file__).with_name("params.yaml")
    values = settings.read(path, "Name one with --config.")
    profiles = values.pop("profiles", {})
    wanted = profile or environment.get("DFPT_PROFILE") or values.pop("profile", "default")
    values.pop("profile", None)
    if wanted != "default":
        if wanted not in profiles:
            raise UsageError(
                f"Unknown profile {wanted!r}: {path} has {', '.join(['default', *profiles])}.",
                settings.nearest(wanted, ["default", *profiles]),
            )
        values = _merge(values, profiles[wanted])
    for name, text in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name not in RESERVED_ENVIRONMENT and not _OF_A_SERVICE.search(name):
            keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            values = _merge(values, _nested(keys, _scalar(text), f"environment variable {name}"))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: no value.", "Write --set section.key=value.")
        values = _merge(values, _nested(key.split("."), _scalar(text), f"--set {assignment}"))
    config = settings.validated(Config, values, str(path))
    if "name" not in config.registration.model_fields_set:
        config = config.model_copy(update={"registration": Registration(name=_model_name(config.data.source))})
    return config


def _model_name(source: str) -> str:
    """What a student is registered as where nobody says: ``elpv``; ``folder:/a/Line 3`` is ``line-3``."""
    last = source.partition(":")[2].rstrip("/").rpartition("/")[2] or source
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:63].strip("-") or "student"


def dump(config: Section) -> str:
    """The configuration as YAML that :func:`resolve` reads back to the same."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _scalar(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _nested(keys: list[str], value: Any, where: str) -> dict[str, Any]:
    if not all(keys):
        raise UsageError(f"{where}: an empty key.", "Write section.key=value.")
    for key in reversed(keys):
        value = {key: value}
    return typing.cast(dict[str, Any], value)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
