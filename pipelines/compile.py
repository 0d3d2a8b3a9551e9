"""Compile the pipeline: Kubeflow's YAML, or the same as Kubernetes resources for GitOps. Both are checked in."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import yaml

from components.image import IMAGE
from dfpt import files
from dfpt.cluster import image as images
from dfpt.cluster import oci
from dfpt.cluster.config import Cluster

COMPILED = Path(__file__).with_name("retraining.yaml")
MANIFESTS = Path(__file__).with_name("kubernetes.yaml")


def compile_pipeline(cluster: Cluster, path: Path = COMPILED, image: str | None = None) -> Path:
    """Write the pipeline's YAML to ``path``, whole or not at all.

    Args:
        image: instead of the one in ``cluster``.

    Raises:
        UsageError: the image is not named as ``cluster`` demands, or its registry has no such tag or refuses.
        StepFailed: the registry does not answer.
    """
    return _compile(cluster, path, image, as_manifests=False)


def compile_manifests(cluster: Cluster, path: Path = MANIFESTS, image: str | None = None) -> Path:
    """Write a Pipeline and a PipelineVersion, the form that Kubeflow keeps in the Kubernetes API.

    The version's name is a hash of its contents: applying the same file again changes nothing, and applying a changed
    one makes a new version instead of altering one that runs refer to.
    """
    return _compile(cluster, path, image, as_manifests=True)


def _compile(cluster: Cluster, path: Path, image: str | None, as_manifests: bool) -> Path:
    ask = oci.digest if cluster.resolve_digest else None
    chosen = images.named(image or cluster.image or IMAGE, cluster.require_digest, ask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp's, about Pythons to come
        from kfp import compiler
        from kfp.compiler.compiler_utils import KubernetesManifestOptions

        from pipelines.retraining import NAME, on_a_cluster

        pipeline = on_a_cluster(cluster, chosen)
        with files.replacing(path) as partial:
            named = partial.with_name(f"{partial.name}.yaml")  # kfp insists on the ending
            compiler.Compiler().compile(pipeline, str(named))
            if as_manifests:
                version = f"{NAME}-{hashlib.sha256(named.read_bytes()).hexdigest()[:12]}"
                options = KubernetesManifestOptions(
                    pipeline_version_name=version, namespace=cluster.namespace, include_pipeline_manifest=True
                )
                compiler.Compiler().compile(
                    pipeline, str(named), kubernetes_manifest_options=options, kubernetes_manifest_format=True
                )
            named.rename(partial)
    return path


def version_name(path: Path) -> str:
    """The PipelineVersion's name in a file of :func:`compile_manifests`."""
    names = [
        str(found["metadata"]["name"])
        for found in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if found["kind"] == "PipelineVersion"
    ]
    return names[0]
