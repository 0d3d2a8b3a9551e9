"""What is benchmarked on which images: networks, partitions, budgets. Changed only together with new results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dfpt.bench.distill import fashion
from dfpt.bench.distill.methods import ABLATIONS, METHODS

# The seeds of the partitions were committed before the first trial; nobody looked at what they deal.
CONFIRM = (4201, 4202, 4203)
DEVELOPMENT = 7


@dataclass(frozen=True)
class Suite:
    """One source with one pair of networks.

    Attributes:
        profile: of params.yaml, the base of every cell.
        assignments: what differs from it, as for ``--set``.
        assistant: TAKD's options: the network between teacher and student, which begins as the student does.
        methods: that are screened.
        partitions: seeds of the confirm tier's partitions.
        folds: of each partition, all of which are tested once.
        seeds: students of each method, fold and partition.
        development: seed of the screen's partition.
        development_val: share of its images outside fold 0 that trials are judged by.
        trials: of each method; the first is its defaults.
        rungs: epochs of a trial's trainings, one schedule after the other; the defaults and the best one of
            ``reduction`` trials go on.
        epochs: of the students of the other tiers.
        rivals: how many of the screened methods are confirmed besides plain, KD and ours.
        ablations: what is changed of ours, one thing at a time.
        ablation_seeds: students of each.
        gap_teachers, gap_students: every pair of them is one point of the gap sweep; these students begin at random.
        gap_seeds: students of each pair.
        severities: of each class, for quadratic kappa; empty where classes are in no order.
        goals: that its confirmed cells are held against, of :mod:`dfpt.bench.distill.goals`.
        quick: what else differs in the quick form, as for ``--set``.
        images: a file that ``make`` writes; none where the source is an installed package.
    """

    name: str
    profile: str
    assignments: tuple[str, ...]
    assistant: Mapping[str, str | bool]
    methods: tuple[str, ...] = tuple(METHODS)
    partitions: tuple[int, ...] = CONFIRM
    folds: int = 4
    seeds: int = 2
    development: int = DEVELOPMENT
    development_val: float = 0.3
    trials: int = 6
    rungs: tuple[int, ...] = (4, 16)
    reduction: int = 6
    epochs: int = 32
    rivals: int = 2
    ablations: tuple[str, ...] = tuple(ABLATIONS)
    ablation_seeds: int = 3
    gap_teachers: tuple[str, ...] = ()
    gap_students: tuple[str, ...] = ()
    gap_seeds: int = 2
    severities: tuple[int, ...] = ()
    goals: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    images: Path | None = None
    make: Callable[[Path], object] | None = None


# Both are named, because "auto" is decided by a measurement and would differ between machines. On a CPU that has no
# instructions for it bfloat16 is fifteen times slower; float32 is slow nowhere.
_ARITHMETIC = tuple(
    f"{network}.recipe.{choice}"
    for network in ("teacher", "student")
    for choice in ("precision=float32", "memory_format=channels_last")
)

_SEVERITIES = (0, 1, 2, 3) * 2  # of ELPV's classes: 0, 33, 67, 100 % defective, monocrystalline, then polycrystalline
_ELPV = ("data.source=elpv", "data.near_copies_together=true", *_ARITHMETIC)
_SMALL = (
    "data.image_size=64",
    "teacher.image_size=64",
    "teacher.recipe.epochs=1",
    "student.image_size=32",
    "augmentation.views=1",
)


SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "elpv",
            "default",
            (*_ELPV, "student.image_size=48"),  # 3.5 seconds an epoch where 64 takes 6.5, on one core
            {"assistant": "efficientnet_lite0_s5", "pretrained": True},
            gap_teachers=("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
            gap_students=("tiny_20k", "tiny_60k", "tiny_200k", "tiny_500k"),
            severities=_SEVERITIES,
            goals=("accuracy", "balance", "knowledge", "time"),
            quick=_SMALL,
        ),
        Suite(  # for the binary goals: a larger student, untuned, whose every image is tested once
            "elpv-binary",
            "default",
            (
                *_ELPV,
                "student.model=efficientnet_lite0_s5",
                "student.image_size=128",
                "student.recipe.lr=0.003",
            ),
            {"assistant": "efficientnet_lite0", "pretrained": True},
            methods=("kd", "dfpt_kd_plus"),
            partitions=CONFIRM[:1],
            seeds=1,
            trials=1,
            rungs=(16,),
            epochs=16,
            rivals=0,
            ablations=(),
            severities=_SEVERITIES,
            goals=("binary",),
            quick=_SMALL,
        ),
        Suite(
            "digits",
            "smoke",
            # The profile's three epochs make a teacher that knows less than a student finds alone; with a prompt behind
            # the last stage alone DFPT-KD+ would have no stage to fine-tune.
            (
                "data.source=digits",
                "teacher.model=resnet20",
                "teacher.recipe.epochs=30",
                "prompt.epochs=5",
                "prompt.stages=[-2,-1]",
                *_ARITHMETIC,
            ),
            {"assistant": "tiny_60k"},
            rungs=(8, 30),
            epochs=30,
            gap_teachers=("resnet8", "resnet20"),
            gap_students=("tiny_20k", "tiny_60k"),
            quick=("teacher.model=resnet8",),
        ),
        Suite(
            "fashion",
            "default",
            (
                f"data.source=parquet:{fashion.IMAGES}",
                "data.licence=MIT",
                "data.image_size=28",
                "augmentation.views=1",  # a shoe on its heel is another picture
                "teacher.model=resnet20",
                "teacher.image_size=28",
                "teacher.pretrained=false",
                "teacher.recipe.epochs=30",
                "teacher.recipe.lr=0.01",
                "student.model=tiny_20k",
                "student.image_size=28",
                "student.pretrained=false",
                *_ARITHMETIC,
            ),
            {"assistant": "tiny_60k"},
            rungs=(8, 30),
            epochs=30,
            gap_teachers=("resnet8", "resnet20"),
            gap_students=("tiny_20k", "tiny_60k"),
            images=fashion.IMAGES,
            make=fashion.make,
        ),
    )
}


def make_images(suite: Suite) -> None:
    """Write the file that the suite's source names, where it is not there yet.

    Raises:
        UsageError: what it is made from is not installed.
    """
    if suite.images is not None and suite.make is not None and not suite.images.exists():
        suite.make(suite.images)


def quick(suite: Suite) -> Suite:
    """The same road in minutes: small images, four methods, one partition, fold and seed, two short trials each."""
    return dataclasses.replace(
        suite,
        name=f"quick-{suite.name}",  # it waits for no lock of the long one
        assignments=(*suite.assignments, "teacher.recipe.epochs=3", "prompt.epochs=1", *suite.quick),
        methods=("plain", "kd", "dfpt_kd", "dfpt_kd_plus"),
        partitions=suite.partitions[:1],
        folds=1,
        seeds=1,
        trials=2,
        rungs=(1, 3),
        reduction=2,
        epochs=3,
        rivals=0,
        ablations=suite.ablations[:1],
        ablation_seeds=1,
        gap_teachers=suite.gap_teachers[:1],
        gap_students=suite.gap_students[:2],
        gap_seeds=1,
    )
