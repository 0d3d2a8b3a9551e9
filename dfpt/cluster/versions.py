"""Pipeline versions named by their content: what is there already is not uploaded again."""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dfpt.cluster.errors import Conflict, NotThere, Unreachable

if TYPE_CHECKING:
    import kfp_server_api as api

    from dfpt.cluster.kfp import Pipelines

_HASH_LETTERS = 16


@dataclass(frozen=True)
class Version:
    """A pipeline version in the cluster.

    Attributes:
        version_id: None where nothing pins it: the newest at the time of the run.
    """

    pipeline_id: str
    version_id: str | None
    name: str


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        documents: its YAML documents: the pipeline, and what kfp-kubernetes adds.
    """

    documents: tuple[dict[str, Any], ...]

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return str(self.documents[0]["pipelineInfo"]["name"])

    @property
    def version(self) -> str:
        """The version's name: its content's hash. The release of kfp that compiled it is part of the content."""
        text = json.dumps(self.documents, sort_keys=True)
        return f"sha256-{hashlib.sha256(text.encode()).hexdigest()[:_HASH_LETTERS]}"

    def write(self, path: Path) -> None:
        text = "".join(f"---\n{json.dumps(document, sort_keys=True)}\n" for document in self.documents)  # YAML, too
        path.write_text(text, encoding="utf-8")


def read(path: Path) -> Package:
    """A compiled pipeline's file."""
    return Package(tuple(yaml.safe_load_all(path.read_text(encoding="utf-8"))))


def for_schedules(package: Package) -> Package:
    """The same pipeline under a name of its own, whose first step never takes an earlier result.

    A recurring run has the same parameters every time (Kubeflow expands no macro in them, its issue 12494), so a step
    that reads a source would be found in the cache although the source has new images.
    """
    documents = copy.deepcopy(package.documents)
    documents[0]["pipelineInfo"]["name"] = f"{package.pipeline}-scheduled"
    for task in tasks(documents[0], "prepare"):
        task["cachingOptions"] = {}
    return Package(documents)


def find(pipelines: Pipelines, pipeline: str, version: str) -> Version | None:
    """The version of that name; None where there is none, or no such pipeline."""
    known = pipelines.pipeline(pipeline)
    if known is None:
        return None
    for item in pipelines.versions(str(known.pipeline_id)):
        if version in (item.display_name, item.pipeline_version_id):
            return Version(str(known.pipeline_id), str(item.pipeline_version_id), str(item.display_name))
    return None


def pinned(pipelines: Pipelines, pipeline: str, version: str) -> Version:
    """The version of that name or id.

    Raises:
        NotThere: there is none; the message names those that there are.
    """
    found = find(pipelines, pipeline, version)
    if found is not None:
        return found
    known = pipelines.pipeline(pipeline)
    names = [] if known is None else [str(item.display_name) for item in pipelines.versions(str(known.pipeline_id))]
    raise NotThere(
        f"The pipeline {pipeline} has no version {version!r}: {', '.join(names[:5]) or 'it has none'}.",
        "dfpt pipeline submit uploads one; `latest` takes the newest.",
    )


def ensure(pipelines: Pipelines, package: Package, description: str) -> Version:
    """The version with this content, uploaded if there is none.

    Safe with others at the same time: whoever is second finds the first one's.
    """
    if found := find(pipelines, package.pipeline, package.version):
        return found
    pipeline_id = _pipeline(pipelines, package.pipeline)
    _upload(pipelines, package, pipeline_id, package.version, description)
    return pinned(pipelines, package.pipeline, package.version)


def is_newest(pipelines: Pipelines, package: Package) -> bool:
    """Whether the pipeline's newest version has this content."""
    known = pipelines.pipeline(package.pipeline)
    newest = None if known is None else next(pipelines.versions(str(known.pipeline_id)), None)
    return newest is not None and str(newest.display_name).startswith(package.version)


def ensure_newest(pipelines: Pipelines, package: Package, description: str) -> Version:
    """Upload this content unless it is the newest; return the reference that is not pinned, which then takes it.

    Content that was newest before and is to be so again needs a name that is free.
    """
    if not is_newest(pipelines, package):
        pipeline_id = _pipeline(pipelines, package.pipeline)
        taken = {str(item.display_name) for item in pipelines.versions(pipeline_id)}
        again = (f"{package.version}-{number}" for number in range(2, len(taken) + 3))
        name = next(name for name in (package.version, *again) if name not in taken)
        _upload(pipelines, package, pipeline_id, name, description)
    known = pipelines.pipeline(package.pipeline)
    if known is None:
        raise NotThere(f"The pipeline {package.pipeline} was removed while it was uploaded.", "Apply again.")
    return Version(str(known.pipeline_id), None, "newest")


def experiment(pipelines: Pipelines, name: str) -> str:
    """The id of the experiment of that name, made if there is none."""
    found: api.V2beta1Experiment | None = pipelines.experiment(name)
    if found is None:
        try:
            found = pipelines.create_experiment(name)
        except (Conflict, Unreachable):
            found = pipelines.experiment(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _pipeline(pipelines: Pipelines, name: str) -> str:
    found = pipelines.pipeline(name)
    if found is None:
        try:
            found = pipelines.create_pipeline(name, "From images to a distilled student that waits for approval.")
        except (Conflict, Unreachable):
            found = pipelines.pipeline(name)
            if found is None:
                raise
    return str(found.pipeline_id)


def _upload(pipelines: Pipelines, package: Package, pipeline_id: str, name: str, description: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{package.pipeline}.yaml"
        package.write(path)
        try:
            pipelines.upload_version(pipeline_id, name, description, path)
        except (Conflict, Unreachable):  # somebody was quicker, or the answer was lost
            if find(pipelines, package.pipeline, name) is None:
                raise


def tasks(spec: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The tasks of that name, at the root or inside a condition or an exit handler."""
    dags = [spec["root"]["dag"], *(part["dag"] for part in spec["components"].values() if "dag" in part)]
    return [dag["tasks"][name] for dag in dags if name in dag["tasks"]]
