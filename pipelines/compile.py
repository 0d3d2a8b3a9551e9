"""Compile the pipeline to the YAML that is checked in, and that a cluster takes."""

from __future__ import annotations

import warnings
from pathlib import Path

from dfpt import files

COMPILED = Path(__file__).with_name("retraining.yaml")


def compile_pipeline(path: Path = COMPILED) -> Path:
    """Write the pipeline's YAML to ``path``, whole or not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp's, about Pythons to come
        from kfp import compiler

        from pipelines.retraining import retraining

    with files.replacing(path) as partial:
        named = partial.with_name(f"{partial.name}.yaml")  # kfp insists on the ending
        compiler.Compiler().compile(retraining, str(named))
        named.rename(partial)
    return path
