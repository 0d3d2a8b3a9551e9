"""The comparison of two described sets of images, and the one decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.drift import answers, effects, permutation
from dfpt.errors import UsageError

LEVEL = 0.05
TOLERANCE = 0.1
PERMUTATIONS = 499
FEWEST = 20  # images a side: fewer are no distribution

Values = NDArray[np.float64]
Report = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a student makes of N images: ``answers`` (N, A), ``embedding`` (N, E)."""

    answers: Values
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class Described:
    """N images in numbers: ``statistics`` (N, F) of the pixels and, where there is a student, what it makes of them."""

    statistics: Values
    student: Seen | None = None

    def __len__(self) -> int:
        return len(self.statistics)

    def take(self, rows: NDArray[np.int64]) -> Described:
        """The images at ``rows``."""
        seen = self.student
        return Described(self.statistics[rows], seen and Seen(seen.answers[rows], seen.embedding[rows]))


@dataclass(frozen=True)
class Finding:
    """What the tests found.

    Attributes:
        distances: (F,) Kolmogorov-Smirnov distance of every column.
        distance_p_values: (F,) corrected for their number (Westfall and Young's maximum).
        discrepancies: group -> (squared discrepancy, its 95 % quantile without a shift, p-value).
        p_value: of all tests together.
        unlike: (current images,) the higher, the less there is of its like in the reference.
    """

    distances: Values
    distance_p_values: Values
    discrepancies: dict[str, tuple[float, float, float]]
    p_value: float
    unlike: Values

    def differs(self, level: float) -> bool:
        """Whether the two sets are told apart at this level."""
        return self.p_value <= level

    def drifted(self, level: float, tolerance: float) -> bool:
        """Whether they are, and some description has moved by ``tolerance`` or more (a distance, from 0 to 1)."""
        return self.differs(level) and bool(self.distances.max() >= tolerance)


def columns(reference: Described, current: Described) -> dict[str, Values]:
    """Group -> its columns for all images, the current ones first: image statistics, and the student where it is."""
    groups = {"image statistics": np.concatenate([current.statistics, reference.statistics])}
    if reference.student and current.student:
        seen = (current.student, reference.student)
        embedding = answers.components(np.concatenate([student.embedding for student in seen]))
        groups["student"] = np.hstack([np.concatenate([student.answers for student in seen]), embedding])
    return groups


def compare(groups: Mapping[str, Values], current: int, permutations: int, seed: int) -> Finding:
    """Test the groups of :func:`columns`: each column by its distance, each group by its mean discrepancy.

    Raises:
        UsageError: fewer than FEWEST images on a side, or values that are no numbers.
    """
    values = np.hstack(list(groups.values()))
    if min(current, len(values) - current) < FEWEST:
        raise UsageError(
            f"{current} current and {len(values) - current} reference images are too few to compare.",
            f"Give at least {FEWEST} on each side; 300 current ones are what the power was measured with.",
        )
    if not np.isfinite(values).all():
        raise UsageError("The student answers NaN or infinity to some images.", "Check its weights: dfpt model show.")
    deals = permutation.deal(current, len(values) - current, permutations, np.random.default_rng(seed))
    distances = permutation.kolmogorov_smirnov(values, deals)
    largest = distances.max(1)
    tests, discrepancies, unlike = [largest], {}, np.zeros(current)
    for group, part in groups.items():
        found, witness = permutation.mean_discrepancy(part, deals)
        tests.append(found)
        discrepancies[group] = float(found[0]), float(np.quantile(found, 0.95)), float(permutation.p_values(found)[0])
        unlike += witness[:current]
    return Finding(
        distances=distances[0],
        distance_p_values=np.array([(largest >= seen - 1e-12).mean() for seen in distances[0]]),
        discrepancies=discrepancies,
        p_value=permutation.combined(tests),
        unlike=unlike,
    )


def features(
    groups: Mapping[str, Values], names: Mapping[str, Mapping[str, str]], finding: Finding, current: int
) -> list[Report]:
    """Every column with its effect sizes and histograms, the one that has moved most first.

    Args:
        names: group -> column -> what it is; columns beyond these are components of the embedding.
    """
    found: list[Report] = []
    for group, values in groups.items():
        labels = list(names[group].items())
        labels += [
            (f"embedding {number + 1}", "a principal component of the student's embedding")
            for number in range(values.shape[1] - len(labels))
        ]
        for (name, meaning), column in zip(labels, values.T, strict=True):
            now, before = column[:current], column[current:]
            found.append(
                {
                    "name": name,
                    "meaning": meaning,
                    "group": group,
                    "distance": float(finding.distances[len(found)]),
                    "p_value": float(finding.distance_p_values[len(found)]),
                    "shift": effects.shift(before, now),
                    "stability_index": effects.stability_index(before, now),
                    "reference": {"mean": float(before.mean()), "std": float(before.std())},
                    "current": {"mean": float(now.mean()), "std": float(now.std())},
                    "histogram": effects.histogram(before, now),
                }
            )
    return sorted(found, key=lambda feature: -feature["distance"])
