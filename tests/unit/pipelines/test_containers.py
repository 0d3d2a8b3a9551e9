"""What a run in containers does to the state folder before the first one starts."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dfpt.registry import signing
from pipelines import containers


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts containers as another user")
def test_what_its_owner_alone_may_read_stays_so_and_the_logs_key_goes_over(tmp_path: Path) -> None:
    signing.key(tmp_path)
    (tmp_path / "registry.db").touch(0o644)
    (tmp_path / "mlflow-accounts").mkdir(0o700)
    (tmp_path / "mlflow-accounts" / "admin").touch(0o600)
    for _ in range(2):  # a second run
        containers._open_to_the_group(tmp_path)
    found = {path.name: path.stat() for path in tmp_path.rglob("*")}
    modes = {name: (status.st_uid, stat.S_IMODE(status.st_mode)) for name, status in found.items()}
    assert modes == {
        signing.FILE: (containers.USER, 0o600),
        "registry.db": (0, 0o664),
        "mlflow-accounts": (0, 0o700),
        "admin": (0, 0o600),
    }
    assert signing.key(tmp_path), "root signs with it still"
