"""The service promotes in a process that has neither torch nor an engine nor the full MLflow's neighbours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.approvals_service import Open

pytest_plugins = "tests.approvals_service"

APPROVE = """
import sys
from pathlib import Path

for name in ("torch", "kfp", "dvc", "great_expectations", "onnx", "onnxruntime", "typer"):
    sys.modules[name] = None  # importing it fails

import importlib, pkgutil
import dfpt.approvals

for module in pkgutil.walk_packages(dfpt.approvals.__path__, "dfpt.approvals."):
    if ".migrations." not in module.name:
        importlib.import_module(module.name)

from fastapi.testclient import TestClient
from dfpt.approvals import settings
from dfpt.approvals.app import create_app

with TestClient(create_app(settings.load(Path(sys.argv[1]), {})), base_url="http://127.0.0.1") as client:
    done = client.post(
        "/api/v1/models/elpv/versions/1/approve",
        json={"reason": "good"},
        headers={"Authorization": f"Bearer {sys.argv[2]}"},
    )
print(done.json()["shown"]["state"])
"""


def test_a_promotion_by_the_service_needs_no_torch_and_no_engine(open_desk: Open, home: Path) -> None:
    desk = open_desk()
    desk.submit()

    command = [sys.executable, "-c", APPROVE, str(home), desk.token("bob")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert done.stdout.split() == ["promoted"], done.stderr
