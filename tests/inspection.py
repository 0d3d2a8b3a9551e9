"""Images that are easy to tell apart, and two real networks: one that knows them, one that has learnt nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dfpt import models
from dfpt.config import EvaluateConfig, Evaluation
from dfpt.context import Context
from dfpt.datasets import Task, manifest
from dfpt.steps import evaluate

CLASSES = ("sound", "crack", "stain")


@dataclass(frozen=True)
class Inspection:
    """Prepared and validated images that are easy to tell apart, two real networks, and their evaluation.

    Attributes:
        good: folder of a network that is right on every test image.
        poor: folder of one that has learned nothing.
        path: the empty folder of a method without a prompt path.
        evaluation: of good as teacher and student, poor as baseline.
    """

    dataset: Path
    validation: Path
    good: Path
    poor: Path
    path: Path
    evaluation: Path
    metrics: dict[str, float]

    def inputs(self, **others: Path) -> dict[str, Path]:
        return {"dataset": self.dataset, "validation": self.validation, "path": self.path, **others}


@pytest.fixture(scope="session")
def inspection(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    place = tmp_path_factory.mktemp("inspection")
    images, table = _images(120)
    dataset, validation = place / "dataset", place / "validation"
    dataset.mkdir()
    np.save(dataset / "images.npy", images)
    Task("made-up", CLASSES, (1, 2), ("wafer",), 1, 8, None, manifest.data_hash(table)).save(dataset)
    manifest.write(table, dataset)
    validation.mkdir()
    manifest.write(table.assign(row=range(len(table))).drop(index=5), validation)  # one image was rejected

    torch.manual_seed(0)
    network = models.create("resnet8", len(CLASSES), 1, 8)
    spec = models.ModelSpec("resnet8", 1, 8, 0.5, 0.3, CLASSES, sum(p.numel() for p in network.parameters()))
    models.save(network, spec, place / "poor")
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - spec.mean) / spec.std
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(25):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(pixels), torch.tensor(table["label"].to_numpy())).backward()
        optimizer.step()
    models.save(network, spec, place / "good")

    inputs = {"dataset": dataset, "validation": validation}
    (place / "path").mkdir()  # the student was taught by a method without a prompt path
    inputs |= {"teacher": place / "good", "baseline": place / "poor", "student": place / "good", "path": place / "path"}
    config = EvaluateConfig(seed=0, evaluation=Evaluation(bootstrap=200, latency_runs=3))
    metrics = evaluate.run(inputs, {"evaluation": place / "evaluation"}, config, Context(place, place))
    folders = (place / name for name in ("good", "poor", "path", "evaluation"))
    return Inspection(dataset, validation, *folders, metrics)


def _images(count: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Noise that is dark, medium or bright by class; every fourth image is a test image."""
    labels = np.arange(count) % 3
    noise = np.random.default_rng(0).integers(0, 40, (count, 8, 8, 1))
    images = (noise + 90 * labels[:, None, None, None]).astype(np.uint8)
    number = np.arange(count)
    table = pd.DataFrame(
        {
            "id": [f"image-{n}" for n in number],
            "path": [f"{n}.png" for n in number],
            "label": labels,
            "label_name": [CLASSES[label] for label in labels],
            "wafer": np.where(number % 8 < 4, "mono", "poly"),
            "split": np.where(number % 4 == 0, "test", np.where(number % 4 == 1, "val", "train")),
            "width": 8,
            "height": 8,
            "mean": images.mean((1, 2, 3)) / 255,
            "std": images.std((1, 2, 3)) / 255,
            "sha256": [f"{n:064x}" for n in number],
            "source": "made-up",
            "error": None,
        }
    )
    return images, table
