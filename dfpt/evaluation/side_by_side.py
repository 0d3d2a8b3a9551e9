"""Networks side by side under the suite of corruptions: one page, on test images that none of them has learnt from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt import models
from dfpt.errors import UsageError
from dfpt.evaluation import bootstrap, robustness

if TYPE_CHECKING:
    from pandas import DataFrame

    from dfpt.datasets import ImageSet

RESAMPLES = 2000


@dataclass(frozen=True)
class Network:
    """One of those that are compared.

    Attributes:
        name: as the page calls it.
        origin: where it is from, in words.
        folder: of its weights.
        data_hash: of the data version that it was trained on; None where that is not known.
    """

    name: str
    origin: str
    folder: Path
    weights_sha256: str
    data_hash: str | None


def check(networks: Sequence[Network], images: ImageSet, manifest_of: Callable[[str], DataFrame | None]) -> None:
    """Whether all were trained on the data version of ``images``, and so none on its test images.

    Args:
        manifest_of: data hash -> the manifest of that data version, where it is at hand.

    Raises:
        UsageError: one was not, or nobody knows, or it answers with other classes; both sides are named.
    """
    ours = images.task.data_hash
    first = next((network for network in networks if network.data_hash == ours), None)
    beside = f"{first.name} ({first.origin})" if first else "these images"
    for network in networks:
        if network.data_hash is None:
            raise UsageError(
                f"{network.name} ({network.origin}) does not say which data it was trained on: it may have learnt from "
                f"the test images that {beside} is measured on.",
                "Name the run that made it, or its registered version.",
            )
        if network.data_hash != ours:
            raise UsageError(
                f"{beside} and {network.name} ({network.origin}) were not trained on the same data and split: "
                f"{ours[:12]} and {network.data_hash[:12]}. {_seen(network, images, manifest_of(network.data_hash))}",
                "Compare networks of one data version; dfpt run with the other's data settings makes one.",
            )
        classes = models.load(network.folder)[1].classes
        if classes != images.task.classes:
            raise UsageError(
                f"{network.name} ({network.origin}) knows the classes {', '.join(classes)}; the data has "
                f"{', '.join(images.task.classes)}.",
                "Train it on this data.",
            )


def _seen(network: Network, images: ImageSet, theirs: DataFrame | None) -> str:
    """How many of our test images a network of another data version has learnt from."""
    if theirs is None:
        return f"Whether {network.name} has learnt from the test images cannot be known: its data are not here."
    learnt = set(theirs.loc[theirs["split"] != "test", "sha256"])
    tested = images.manifest.loc[images.manifest["split"] == "test", "sha256"]
    return f"{network.name} has learnt from {sum(one in learnt for one in tested)} of the {len(tested)} test images."


def compare(
    networks: Sequence[Network],
    reference: str,
    images: ImageSet,
    most: int,
    seed: int,
    told: Callable[[int, int], None],
) -> dict[str, Any]:
    """The content of ``robustness.json``; rates and differences are fractions, intervals hold 95 %.

    Args:
        reference: the name of the network that the others' differences are against, image by image.
        most: of so many test images; they are those of evaluate's report.
        told: (corrupted sets done, of how many).

    Raises:
        StepFailed: a network's outputs are not finite.
    """
    found = robustness.hits({one.name: one.folder for one in networks}, images, most, told, lambda: False)
    statistics = _statistics(found, reference)
    intervals = bootstrap.intervals(statistics, found.images, RESAMPLES, seed)

    def ends(*key: str) -> dict[str, float]:
        return intervals[_key(*key)]._asdict()

    return {
        "source": images.task.source,
        "data_hash": images.task.data_hash,
        "test_images": len(images.rows("test")),
        "reference": reference,
        "networks": [
            {
                "name": one.name,
                "origin": one.origin,
                "weights_sha256": one.weights_sha256,
                "parameters": models.load(one.folder)[1].parameters,
                "clean": ends("clean", one.name),
                "corrupted": ends("mean", one.name),
                "difference": None if one.name == reference else ends("difference", one.name),
            }
            for one in networks
        ],
        "suite": robustness.figures(found),
        "intervals": {
            "clean": {name: ends("clean", name) for name in found.clean},
            "corrupted": {
                kind: {at: {name: ends(kind, at, name) for name in right} for at, right in strengths.items()}
                for kind, strengths in found.corrupted.items()
            },
        },
    }


def _statistics(found: robustness.Hits, reference: str) -> dict[str, bootstrap.Statistic]:
    """Every rate of every network, its mean over the suite, and that mean's difference from the reference's."""
    cells = [right for strengths in found.corrupted.values() for right in strengths.values()]
    mean = {name: np.mean([right[name] for right in cells], axis=0) for name in found.clean}
    statistics = {_key("clean", name): _rate(right) for name, right in found.clean.items()}
    for name in found.clean:
        statistics[_key("mean", name)] = _rate(mean[name])
        statistics[_key("difference", name)] = _rate(mean[name] - mean[reference])
    for kind, strengths in found.corrupted.items():
        for strength, right in strengths.items():
            statistics |= {_key(kind, strength, name): _rate(flags) for name, flags in right.items()}
    return statistics


def _rate(values: NDArray[Any]) -> bootstrap.Statistic:
    numbers = values.astype(np.float64)
    return lambda weights: weights @ numbers / weights.sum(axis=1)


def _key(*parts: str) -> str:
    return "\n".join(parts)


def page(report: Mapping[str, Any]) -> str:
    """robustness.html: one page, nothing from outside."""
    from dfpt.evaluation import page as pages

    return pages.environment().get_template("side_by_side.html").render(report=report)
