"""podman in a store of its own, the image built from components/Containerfile, and a service for docker clients.

Everything here is skipped where there is no podman, no debootstrap, or the user is not root (debootstrap needs it).
DFPT_CONTAINERS names the store, which is kept, so that the next run builds nothing that has not changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from components.image import IMAGE

ROOT = Path(__file__).parents[2]
BASE = "localhost/dfpt-base"
Podman = Callable[..., str]
# A hash of every module, the shells around the steps included.
SOURCES = """
import hashlib, pathlib, components, dfpt, pipelines
digest = hashlib.sha256()
for package in (components, dfpt, pipelines):
    root = pathlib.Path(package.__path__[0])
    for file in sorted(root.rglob("*.py")):
        digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
print(digest.hexdigest())
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Minutes, and a machine with podman."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.slow)
        if lacking := [tool for tool in ("podman", "debootstrap") if not shutil.which(tool)]:
            item.add_marker(pytest.mark.skip(reason=f"no {' and no '.join(lacking)} here: apt-get install it"))
        elif os.getuid() != 0:
            item.add_marker(pytest.mark.skip(reason="debootstrap makes the base image as root alone"))


@pytest.fixture(scope="session")
def store() -> Path:
    named = os.environ.get("DFPT_CONTAINERS")
    folder = Path(named) if named else ROOT / ".dfpt" / "containers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


@pytest.fixture(scope="session")
def podman(store: Path) -> Podman:
    """Calls podman with the store; returns what it wrote to standard output."""

    def call(*arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [ROOT / "components" / "podman.sh", *arguments],
            env=os.environ | {"DFPT_CONTAINERS": str(store)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in codes, f"podman {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    return call


@pytest.fixture(scope="session")
def image(podman: Podman, store: Path) -> str:
    """The image with this code: built where the one that is there holds other code, or none is there."""
    with FileLock(store / "build.lock"):
        held = podman("run", "--rm", "--network", "none", IMAGE, "python3", "-c", SOURCES, codes=(0, 1, 125)).strip()
        here = subprocess.run([sys.executable, "-c", SOURCES], cwd=ROOT, capture_output=True, text=True, check=True)
        if held != here.stdout.strip():
            environment = os.environ | {
                "DFPT_CONTAINERS": str(store),
                "PYTHON": sys.executable,
                "PYTHONPATH": str(ROOT),
                "BASE_IMAGE": BASE,
                "WHEELS": os.environ.get("WHEELS", str(store / "wheels")),
            }
            if not podman("images", "--quiet", BASE).strip():
                subprocess.run([ROOT / "components" / "base.sh", "dfpt-base"], env=environment, check=True)
            subprocess.run([ROOT / "components" / "build.sh"], env=environment, check=True)
    return IMAGE


@pytest.fixture(scope="session")
def docker_host(store: Path) -> Iterator[str]:
    """The address of podman's service, which answers docker clients."""
    with tempfile.TemporaryDirectory(prefix="dfpt-") as folder:  # a socket's path is short
        address = f"unix://{folder}/podman.sock"
        service = subprocess.Popen(
            [ROOT / "components" / "podman.sh", "system", "service", "--time=0", address],
            env=os.environ | {"DFPT_CONTAINERS": str(store)},
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(address)
            yield address
        finally:
            service.terminate()
            service.wait(timeout=30)


def wait_for(address: str) -> None:
    """Until the service answers."""
    import docker

    deadline = time.monotonic() + 60
    while True:
        try:
            client = docker.DockerClient(base_url=address)
            client.ping()
            return client.close()
        except docker.errors.DockerException:
            assert time.monotonic() < deadline, "podman's service does not answer"
            time.sleep(0.05)  # a poll of the socket, which has no other sign
