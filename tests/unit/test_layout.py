"""What may be imported where, observed in a fresh interpreter (the contracts in pyproject.toml read the source)."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = {"torch", "kfp", "dvc", "mlflow", "great_expectations", "sklearn", "pandas", "onnxruntime"}


def imported_by(code: str) -> set[str]:
    """The top-level packages in memory after ``code`` ran in a new interpreter."""
    code = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


def test_the_registry_comes_without_torch_engines_and_web() -> None:
    assert not imported_by("import dfpt.registry") & {"torch", "kfp", "dvc", "fastapi"}


@pytest.mark.parametrize("module", ["dfpt.cli.main", "dfpt.graph", "dfpt.config", "dfpt.runtime", "dfpt.steps.gate"])
def test_what_every_command_imports_is_light(module: str) -> None:
    assert not imported_by(f"import {module}") & HEAVY


def test_every_component_is_imported_without_torch() -> None:
    code = "import pkgutil, importlib, components\n"
    code += "[importlib.import_module(f'components.{m.name}') for m in pkgutil.iter_modules(components.__path__)]"
    assert "torch" not in imported_by(code)


def test_every_package_that_is_asked_for_is_pinned(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    pinned = {canonical(line) for line in (root / "constraints.txt").read_text().splitlines() if "==" in line}
    of_another_torch = {"timm", "torchvision"}  # an environment of their own: make test-timm
    assert {canonical(line) for line in asked} - pinned == {"dfpt"} | of_another_torch


def canonical(requirement: str) -> str:
    """``Great_Expectations>=1.24`` -> ``great-expectations``."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_packaged_parameters_are_the_ones_at_the_root(root: Path) -> None:
    assert (root / "dfpt" / "params.yaml").samefile(root / "params.yaml")
