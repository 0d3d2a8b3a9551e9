"""Pods of rendered manifests as podman containers: images, commands, environment, mounts, users, limits and probes.

It proves nothing about scheduling, permissions or NetworkPolicies, which podman has not.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.containers.conftest import Podman

Object = dict[str, Any]
_ENDED = (125, 126, 137, 255)  # there is nothing any more to run it in
_ASK = """
import sys, urllib.request
seconds, url, *headers = sys.argv[1:]
request = urllib.request.Request(url, headers=dict(header.split("=", 1) for header in headers))
print(urllib.request.urlopen(request, timeout=float(seconds)).status)
"""


@dataclass
class Engine:
    """Where the pods run.

    Attributes:
        network: of podman, without a way out.
        secrets: name -> key -> value.
        folder: for the files of config maps and Secrets.
        started: names of containers, for the end.
    """

    podman: Podman
    network: str
    objects: list[Object]
    secrets: dict[str, dict[str, str]]
    folder: Path
    started: list[str] = field(default_factory=list)

    def found(self, kind: str, name: str) -> Object:
        return next(one for one in self.objects if (one["kind"], one["metadata"]["name"]) == (kind, name))

    def to_the_end(self, name: str, spec: Object) -> str:
        """Run a pod that ends by itself; it must end well. What it printed."""
        return self.podman("run", "--rm", "--name", name, *self._arguments(spec, ()))

    def start(self, name: str, spec: Object, aliases: tuple[str, ...]) -> None:
        """Start a service under the names of its Service, and wait until its probes answer."""
        self.started.append(name)
        self.podman("run", "--detach", "--name", name, *self._arguments(spec, aliases))
        container = spec["containers"][0]
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container[kind]
            deadline = time.monotonic() + 3 * container["startupProbe"]["periodSeconds"] * 90  # two busy cores
            while not self.answers(name, container, probe):
                state = self.podman("inspect", "--format", "{{.State.Status}}", name).strip()
                assert state == "running", self.podman("logs", name)
                assert time.monotonic() < deadline, f"{kind}: {self.podman('logs', name)}"
                time.sleep(container["startupProbe"]["periodSeconds"])  # as the kubelet does

    def answers(self, name: str, container: Object, probe: Object) -> bool:
        """Ask as the kubelet does: by the pod's address."""
        asked = probe["httpGet"]
        port = next(one["containerPort"] for one in container["ports"] if one["name"] == asked["port"])
        address = self.podman(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name
        ).strip()
        headers = [f"{one['name']}={one['value']}" for one in asked.get("httpHeaders", [])]
        url = f"http://{address}:{port}{asked['path']}"
        seconds = str(probe.get("timeoutSeconds", 15))  # the kubelet's one second is short on two busy cores
        asking = self.podman("exec", name, "python3", "-c", _ASK, seconds, url, *headers, codes=(0, 1, *_ENDED))
        return asking.strip() == "200"

    def stop(self) -> None:
        for name in self.started:
            self.podman("rm", "--force", "--time", "5", "--ignore", name)

    def _arguments(self, spec: Object, aliases: tuple[str, ...]) -> list[str]:
        (container,) = spec["containers"]
        user = spec["securityContext"]
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"]
        arguments = ["--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--read-only", "--read-only-tmpfs=false"]
        arguments += ["--cap-drop", ",".join(confined["capabilities"]["drop"]).lower()]
        arguments += ["--security-opt", "no-new-privileges", "--network", self.network]
        arguments += [word for alias in aliases for word in ("--network-alias", alias)]
        limits = container["resources"]["limits"]
        arguments += ["--memory", re.sub(r"i$", "", limits["memory"]).lower()]
        for name, value in self._environment(container).items():
            arguments += ["--env", f"{name}={value}"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            arguments += self._mounted(volumes[mount["name"]], mount)
        return [*arguments, container["image"], *container["command"]]

    def _environment(self, container: Object) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= self.secrets[source["secretRef"]["name"]]
        for variable in container.get("env", []):
            if "value" in variable:
                found[variable["name"]] = variable["value"]
            else:
                reference = variable["valueFrom"]["secretKeyRef"]
                found[variable["name"]] = self.secrets[reference["name"]][reference["key"]]
        return found

    def _mounted(self, volume: Object, mount: Object) -> list[str]:
        path = mount["mountPath"]
        if "emptyDir" in volume:
            return ["--tmpfs", f"{path}:mode=1777,size={volume['emptyDir']['sizeLimit'].removesuffix('i').lower()}"]
        if "persistentVolumeClaim" in volume:
            name = f"{self.network}-{volume['persistentVolumeClaim']['claimName']}"
            return ["--volume", f"{name}:{path}:U"]  # U: for this user, as fsGroup makes it
        name = volume["configMap"]["name"]
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for key, text in self.found("ConfigMap", name)["data"].items():
            (folder / key).write_text(text)
        return ["--volume", f"{folder}:{path}:ro"]
