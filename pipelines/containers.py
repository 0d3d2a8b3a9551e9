"""The pipeline's steps in containers on this machine: ``dfpt run --runner docker``, with Docker or podman's service.

kfp's own way of running one lets the engine remove the container when it ends, and takes a container that it can no
longer find for a success: of 63 steps that failed under podman, 55 were reported as done (Kubeflow Pipelines issue
13332). Here a container is created, started, listened to, waited for and removed, in this order.

A container sees the state folder and the images, no network (unless MLflow or DVC's remote is a server), no capability
and a root that it cannot write to.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfpt.errors import StepFailed, UsageError
from dfpt.registry import head, signing
from dfpt.runtime import code_revision

USER = 10001  # the image's own, for a caller who is root
_HELP = "Start Docker, or podman's service: podman system service --time=0 unix://PATH and DOCKER_HOST=unix://PATH."


def client() -> Any:
    """A client of the engine that DOCKER_HOST names, or of the usual socket.

    Raises:
        UsageError: the package docker is missing, or no engine answers.
    """
    try:
        import docker
    except ImportError as error:
        raise UsageError("--runner docker needs the package docker.", "pip install 'dfpt[cluster]'") from error
    try:
        found = docker.from_env()
        found.ping()
    except docker.errors.DockerException as error:
        raise UsageError(f"No container engine answers: {error}", _HELP) from error
    return found


def check(engine: Any, image: str) -> None:
    """The image is there and holds this code: the cache's key has the code of this side.

    Raises:
        UsageError: it is not.
    """
    import docker

    command = ["python3", "-c", "from dfpt.runtime import code_revision; print(code_revision())"]
    try:
        held = engine.containers.create(image, command, network_mode="none")
    except docker.errors.ImageNotFound as error:
        raise UsageError(f"There is no image {image} here.", "make image") from error
    try:
        held.start()
        code = held.wait()["StatusCode"]
        said = held.logs(stdout=True, stderr=code != 0).decode(errors="replace").strip()
    finally:
        held.remove(force=True)
    if code:
        raise UsageError(f"The image {image} does not answer: {said[-300:]}", "make image")
    if said.splitlines()[-1] != code_revision():
        raise UsageError(f"The image {image} holds other code than this.", "make image")


@contextlib.contextmanager
def runner(home: Path, environment: Mapping[str, str], mounted: list[Path], network: bool) -> Iterator[Any]:
    """A kfp DockerRunner that tells failure from success.

    Args:
        home: the state folder; writable for the containers.
        environment: of every container.
        mounted: folders that the containers may read, under the names that they have here.
        network: whether they see this machine's.
    """
    from kfp import local
    from kfp.local import docker_task_handler as handler

    volumes = {str(home): {"bind": str(home), "mode": "rw"}}
    volumes |= {str(path): {"bind": str(path), "mode": "ro"} for path in mounted}
    root = os.getuid() == 0
    if root:
        _open_to_the_group(home)

    def run(client: Any, image: str, command: list[str], volumes: Mapping[str, Any], **options: Any) -> int:
        return run_container(client, image, command, seen, **options)

    seen, original = volumes, handler.run_docker_container
    before = os.umask(0o002) if root else None
    handler.run_docker_container = run
    try:
        yield local.DockerRunner(
            environment=dict(environment),
            user=f"{USER}:0" if root else f"{os.getuid()}:{os.getgid()}",
            read_only=True,
            tmpfs={"/tmp": "mode=1777"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            network_mode="host" if network else "none",
        )
    finally:
        handler.run_docker_container = original
        if before is not None:
            os.umask(before)


def run_container(client: Any, image: str, command: list[str], volumes: Mapping[str, Any], **options: Any) -> int:
    """Run one container to its end, print what it says, return its exit code.

    Raises:
        StepFailed: the engine is gone, or lost the container: nothing is known of its end, so it is no success.
    """
    import docker
    import requests

    try:
        container = client.containers.create(image, command, volumes=dict(volumes), **options)
        try:
            container.start()
            decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            for part in container.logs(stream=True, follow=True):
                print(decode(part), end="")
            code: int = container.wait()["StatusCode"]
        finally:
            container.remove(force=True)
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise StepFailed(f"The container engine failed: {error}", _HELP) from error
    return code


def _open_to_the_group(home: Path) -> None:
    """Let the image's user, which is in the group 0, into what root has made. No link is followed.

    What its owner alone may read stays so. The audit log's key and its remembered head go over to that user, who signs
    in register; root reads them still.
    """
    for folder, _, names in os.walk(home):
        for path in [Path(folder), *(Path(folder) / name for name in names)]:
            if path.is_symlink():
                continue
            mode = path.stat().st_mode
            if mode & 0o077:
                path.chmod(mode | (0o070 if path.is_dir() else 0o060))
            elif path in (home / signing.FILE, home / head.FILE):
                os.chown(path, USER, -1)
