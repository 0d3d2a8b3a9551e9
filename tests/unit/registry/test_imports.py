"""The registry works where nothing but it and MLflow is installed: promotion in a process that has no torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

pytest_plugins = "tests.mlflow_home"

APPROVE = """
import sys
from pathlib import Path

for name in ("torch", "kfp", "dvc", "great_expectations", "typer"):
    sys.modules[name] = None  # importing it fails

import importlib, pkgutil
import dfpt.registry

for module in pkgutil.iter_modules(dfpt.registry.__path__):
    importlib.import_module(f"dfpt.registry.{module.name}")

from dfpt.registry import actor, champion, promotion
from dfpt.registry.handle import open_registry

registry = open_registry(Path(sys.argv[1]))
request = promotion.approve(registry, "elpv", 1, actor.current("bob"), "good")
print(request.state, champion.current(registry.client, "elpv").version)
"""


def test_a_promotion_needs_no_torch(home: Path, submit: Callable[..., Any]) -> None:
    submit()

    done = subprocess.run(
        [sys.executable, "-c", APPROVE, str(home)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout.split() == ["promoted", "1"], done.stderr
