"""The image that components/Containerfile builds: what is in it, what is not, and how it runs."""

from __future__ import annotations

import json
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from dfpt import __version__
from tests.containers.conftest import ROOT, Podman

# As a cluster runs it: nobody's user, no capability, a root that nobody can write to.
LOCKED = ("--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges")


@pytest.fixture(scope="module")
def about(podman: Podman, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(podman("image", "inspect", image))[0]
    return found


def python(podman: Podman, image: str, code: str, *options: str) -> str:
    return podman("run", *LOCKED, *options, image, "python3", "-c", code).strip()


def test_the_image_tells_what_it_is(about: dict[str, Any]) -> None:
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in about["Labels"].items()}
    revision = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert (labels["version"], labels["licenses"]) == (__version__, "Apache-2.0")
    assert len(labels["revision"].removesuffix("-dirty")) == len(revision) == 40
    assert labels["dfpt.variant"] == "cpu"
    assert labels["base.name"] == "localhost/dfpt-base"


def test_no_entrypoint_and_a_numeric_user_that_is_not_root(about: dict[str, Any]) -> None:
    config = about["Config"]
    assert not config.get("Entrypoint")
    assert config["User"] == "10001:0"


def test_nothing_secret_is_in_its_settings(about: dict[str, Any]) -> None:
    names = {variable.partition("=")[0] for variable in about["Config"]["Env"]}
    assert not [name for name in names if any(word in name for word in ("TOKEN", "PASSWORD", "SECRET", "PIP", "PROXY"))]
    layers = json.dumps(about.get("History", []))
    assert not [word for word in ("index-url", "trusted-host", "password") if word in layers.lower()]


def test_a_step_runs_without_root_network_capabilities_and_a_writable_root(
    podman: Podman, image: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    podman(
        "run", *LOCKED, "--tmpfs", "/var/lib/dfpt:mode=1777", "--volume", f"{out}:/out", image,
        *("dfpt", "step", "prepare", "--profile", "smoke", "--set", "data.source=digits"),
        *("--out", "dataset=/out/dataset", "--out", "metrics=/out/metrics.json"),
    )  # fmt: skip
    assert json.loads((out / "metrics.json").read_text())["images"] == 1797
    assert (out / "dataset").stat().st_uid == 10001
    refused = podman("run", *LOCKED, image, "sh", "-c", "touch /opt/dfpt/x || id -u", codes=(0,))
    assert refused.strip() == "10001"


def test_any_user_of_the_group_0_can_run_it(podman: Podman, image: str) -> None:
    assert python(podman, image, "import dfpt, os; print(os.getuid())", "--user", "123456:0") == "123456"


def test_no_compiler_no_installer_and_no_tests_are_in_it(podman: Podman, image: str) -> None:
    tools = "gcc cc g++ c++ clang ld as make cmake git pip pip3 easy_install curl wget"
    found = podman("run", *LOCKED, image, "sh", "-c", f"for tool in {tools}; do command -v $tool; done; true")
    assert found == ""
    podman("run", *LOCKED, image, "python3", "-c", "import pip", codes=(1,))
    podman("run", *LOCKED, image, "python3", "-c", "import ensurepip", codes=(1,))
    places = "find / -xdev -type d -name tests -not -path '/proc/*' 2>/dev/null; "
    places += (
        "find / -xdev \\( -name '*.whl' -o -name 'pip.conf' -o -name '.netrc' -o -name 'id_rsa' \\) 2>/dev/null; true"
    )
    assert podman("run", *LOCKED, image, "sh", "-c", places) == ""


def test_the_list_of_contents_names_every_package_with_its_version(podman: Podman, image: str) -> None:
    bom = json.loads(podman("run", *LOCKED, image, "cat", "/opt/dfpt/sbom.cdx.json"))
    assert bom["bomFormat"] == "CycloneDX"
    listed = {(item["name"].lower().replace("_", "-"), item["version"]) for item in bom["components"]}
    code = "from importlib import metadata as m; print(*{f'{d.name}=={d.version}' for d in m.distributions()})"
    there = {tuple(one.lower().replace("_", "-").split("==")) for one in python(podman, image, code).split()}
    assert ("dfpt", __version__) in there
    assert ("torch", metadata.version("torch")) in listed
    assert {name.replace(".", "-") for name, _ in there} <= {name.replace(".", "-") for name, _ in listed}
    assert "libc6 " in podman("run", *LOCKED, image, "cat", "/opt/dfpt/debian.txt")


def test_every_module_of_a_step_was_compiled_at_build(podman: Podman, image: str) -> None:
    code = (
        "import sys, os, torch, mlflow, kfp, dfpt.steps.distil, dfpt.steps.evaluate, dfpt.runtime\n"
        "files = [m for m in list(sys.modules.values()) if getattr(m, '__cached__', None)\n"
        "         and (m.__file__ or '').startswith('/opt/dfpt')]\n"
        "print(len(files), *[m.__name__ for m in files if not os.path.exists(m.__cached__)])"
    )
    count, *missing = python(podman, image, code).splitlines()[-1].split()
    assert int(count) > 1000
    assert missing == []
