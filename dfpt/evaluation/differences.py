"""Single test images for the approver: where candidate and champion differ, where the candidate is surely wrong."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt import files

if TYPE_CHECKING:
    from dfpt.datasets import ImageSet

MOST = 12  # of each kind
FOLDER = "differences"
INDEX = "index.json"
KINDS = ("differ", "confidently_wrong")

Probabilities = NDArray[np.float32]


def examples(images: ImageSet, candidate: Probabilities, champion: Probabilities | None) -> dict[str, Any]:
    """At most ``MOST`` images of each kind, as small PNGs in data URIs, with their labels and both models' answers.

    Args:
        images: whose test split, N images, both were asked about.
        candidate, champion: probabilities (N, K); None where there is no champion, or none that can be compared.

    Returns:
        ``images``, N; ``differing``, on how many the two differ; ``differ``, those on which the champion is right and
        the candidate is not, then the other way round, then those on which both are wrong, the surest first;
        ``confidently_wrong``, the candidate's, the surest first.
    """
    labels = images.labels("test")
    called, sure = candidate.argmax(axis=1), candidate.max(axis=1)
    wrong = np.flatnonzero(called != labels)
    differ = np.zeros(0, np.int64)
    if champion is not None:
        others = champion.argmax(axis=1)
        differ = np.flatnonzero(called != others)
        order = np.where(others == labels, 0, np.where(called == labels, 1, 2))[differ]
        differ = differ[np.lexsort((-(sure + champion.max(axis=1))[differ], order))]
    surest = wrong[np.argsort(-sure[wrong], kind="stable")]
    shown = dict(zip(KINDS, (differ[:MOST], surest[:MOST]), strict=True))
    return {"images": len(labels), "differing": None if champion is None else len(differ)} | {
        kind: [_example(images, int(index), candidate, champion) for index in indices]
        for kind, indices in shown.items()
    }


def write(folder: Path, found: Mapping[str, Any]) -> None:
    """``differences/`` below ``folder``: the images as PNG files, and ``index.json`` that says what they show."""
    listed = []
    with files.replacing(folder / FOLDER) as partial:
        partial.mkdir()
        for kind in KINDS:
            for number, item in enumerate(found[kind], start=1):
                name = f"{kind.replace('_', '-')}-{number:02d}.png"
                (partial / name).write_bytes(base64.b64decode(item["image"].partition(",")[2]))
                listed.append({"kind": kind, "file": name, "id": item["id"], "label": item["label"], **_flat(item)})
        files.write_json(partial / INDEX, {key: found[key] for key in ("images", "differing")} | {"examples": listed})


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Both answers; the champion's are null where there is none."""
    answers = {model: item[model] or {"called": None, "confidence": None} for model in ("candidate", "champion")}
    called = {model: answer["called"] for model, answer in answers.items()}
    return called | {f"{model}_confidence": answer["confidence"] for model, answer in answers.items()}


def _example(images: ImageSet, index: int, candidate: Probabilities, champion: Probabilities | None) -> dict[str, Any]:
    from dfpt.datasets.contact_sheet import data_uri

    test = images.manifest[images.manifest["split"] == "test"]
    classes = images.task.classes
    return {
        "id": str(test["id"].iloc[index]),
        "label": classes[int(test["label"].iloc[index])],
        "candidate": answer(candidate[index], classes),
        "champion": None if champion is None else answer(champion[index], classes),
        "image": data_uri(images.images[int(test["row"].iloc[index])]),
    }


def answer(probabilities: NDArray[np.float32], classes: Sequence[str]) -> dict[str, Any]:
    """What a model called an image, and how sure it was, from its probabilities (K,)."""
    return {"called": classes[int(probabilities.argmax())], "confidence": float(probabilities.max())}
