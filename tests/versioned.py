"""A git and DVC repository with the pipeline in it, and an S3 server on loopback: a plugin of some tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).parents[1]
BUCKET = "images"


def write_digits(folder: Path, first: int, last: int) -> None:
    """Images of scikit-learn's digits 0 to 3, ``first`` to ``last``, in class folders."""
    from sklearn.datasets import load_digits

    found = load_digits(n_class=4)
    for number in range(first, last):
        path = folder / f"digit-{found.target[number]}" / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.kron(found.images[number], np.ones((4, 4))) * 255 / 16
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def git(place: Path, *arguments: str) -> str:
    who = ("-c", "user.name=kim", "-c", "user.email=kim@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(place), *who, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def program(place: Path, module: str, *arguments: str) -> str:
    """``python -m module`` in ``place``; its standard output."""
    environment = os.environ | {"PATH": f"{place.parent / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    assert done.returncode in (0, 4), done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: under git and DVC, a smoke profile with a gate that lets all pass, a ``dfpt`` to call."""
    place = tmp_path / "clone"
    (place / "data").mkdir(parents=True)
    shutil.copytree(ROOT / "dfpt", place / "dfpt", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data" / "expectations", place / "data" / "expectations")
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, place)
    from dvc.repo import Repo

    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"profile": "smoke", "gate": {"default": {"min_accuracy": 0}}, "registration": {"name": "digits"}}
    params["validation"]["label_errors"] = False
    params["profiles"]["smoke"]["teacher"]["recipe"]["epochs"] = 1
    params["profiles"]["smoke"]["student"]["recipe"]["epochs"] = 2
    (place / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    called = tmp_path / "bin" / "dfpt"
    called.parent.mkdir()
    called.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dfpt.cli.main "$@"\n')
    called.chmod(0o755)
    git(place, "init", "--quiet")
    Repo.init(str(place)).close()
    git(place, "add", "-A")
    git(place, "commit", "--quiet", "-m", "a clone")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    import boto3
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket=BUCKET)
    yield f"http://{host}:{port}"
    server.stop()
    for backend in s3_backends.values():  # moto's servers of one process share them
        for one in backend.values():
            one.reset()


def store(endpoint: str) -> Any:
    """What the bucket holds, by boto3."""
    import boto3

    return boto3.resource("s3", endpoint_url=endpoint).Bucket(BUCKET)


def two_revisions(place: Path, endpoint: str) -> None:
    """The tags v1 (eight digits) and v2 (sixteen), pushed; nothing of either is left here."""
    from dfpt.versioning import repository as dvc

    add_remote(place, endpoint)
    for tag, last in (("v1", 8), ("v2", 16)):
        write_digits(place / "data" / "line", 0, last)
        dvc.track(Path("data/line"))
        git(place, "add", "-A")
        git(place, "commit", "--quiet", "-m", f"{last} digits")
        git(place, "tag", tag)
        dvc.send(None)
    shutil.rmtree(place / ".dvc" / "cache")
    shutil.rmtree(place / "data" / "line")


def add_remote(place: Path, endpoint: str) -> None:
    """As ``dvc remote add --default store ...`` and ``dvc remote modify store endpointurl ...`` do."""
    from dvc.config import Config

    with Config(str(place / ".dvc")).edit("repo") as settings:
        settings["core"]["remote"] = "store"
        settings["remote"]["store"] = {"url": f"s3://{BUCKET}/dfpt", "endpointurl": endpoint}
