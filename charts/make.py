"""What is made from the chart and checked in: its README, and the manifests of every values file.

python -m charts.make            writes both; tests/unit/charts holds them against the chart
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).with_name("dfpt")
GOLDEN = Path(__file__).parents[1] / "tests" / "unit" / "charts" / "golden"
PLACES = ("kind", "onprem", "cloud")
DIGEST = "sha256:" + "0123456789abcdef" * 4
_MARK = "# -- "
_HEAD = """\
# dfpt

![Version: {version}](https://img.shields.io/badge/Version-{version}-informational) \
![Type: {type}](https://img.shields.io/badge/Type-{type}-informational) \
![AppVersion: {appVersion}](https://img.shields.io/badge/AppVersion-{appVersion}-informational)

{description}

`python -m charts.make` writes this file, in the form of helm-docs, from values.yaml.

## Requirements

Kubernetes: `{kubeVersion}`

It installs neither Kubeflow Pipelines (`{pipelines}`) nor Kubeflow Trainer (`{trainer}`, for steps on several nodes).
[docs/kubeflow.md](../../docs/kubeflow.md) goes from an empty namespace to a scheduled retraining; `values-kind.yaml`,
`values-onprem.yaml` and `values-cloud.yaml` are the starting points. No password is generated: every Secret is one of
yours, named in a value `existingSecret`.

## Values

| Key | Type | Default | Description |
|-----|------|---------|-------------|
"""


def values_of(place: str) -> dict[str, Any]:
    """A values file, with the digest that a person gives where no tag is allowed."""
    values: dict[str, Any] = yaml.safe_load((CHART / f"values-{place}.yaml").read_text(encoding="utf-8"))
    if not values.get("image", {}).get("allowTag"):
        values.setdefault("image", {})["digest"] = DIGEST
    return values


def render(values: dict[str, Any], name: str = "dfpt", namespace: str = "dfpt") -> dict[str, str]:
    """The texts that Helm makes of the chart's templates, by path; those that make nothing left out."""
    import helm_python

    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values, name=name, namespace=namespace)
    return {path: text for path, text in sorted(rendered.items()) if text.strip()}


def objects(rendered: dict[str, str]) -> list[dict[str, Any]]:
    """All Kubernetes objects of what was rendered."""
    texts = (text for path, text in rendered.items() if path.endswith(".yaml"))
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def manifest(values: dict[str, Any]) -> str:
    """One text of all that was rendered, notes and all; but for the dashboards, which are files that are copied."""
    parts = ((path, text) for path, text in render(values).items() if not path.endswith("/dashboards.yaml"))
    return "".join(f"# Source: {path}\n{text.strip()}\n---\n" for path, text in parts)


def readme() -> str:
    """The README in the form of helm-docs."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    needs = chart["annotations"]
    head = _HEAD.format(**chart, pipelines=needs["dfpt/kubeflow-pipelines"], trainer=needs["dfpt/kubeflow-trainer"])
    return head + "".join(
        f"| {key} | {kind} | `{json.dumps(default)}` | {text} |\n" for key, kind, default, text in documented()
    )


def documented() -> Iterator[tuple[str, str, Any, str]]:
    """Key, type, default and description of every value; the description is empty where nobody wrote one."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    return _walk(yaml.compose(text), text.splitlines(), "")


def _walk(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[tuple[str, str, Any, str]]:
    for key, value in node.value:
        above = lines[key.start_mark.line - 1].strip()
        said = above.removeprefix(_MARK) if above.startswith(_MARK) else ""
        path = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value and not said:
            yield from _walk(value, lines, f"{path}.")
        else:
            default = yaml.safe_load(yaml.serialize(value))
            yield path, _kind(default), default, said


def _kind(value: Any) -> str:
    names = {bool: "bool", int: "int", str: "string", list: "list", dict: "object"}
    return names[type(value)]


def main() -> None:
    (CHART / "README.md").write_text(readme(), encoding="utf-8")
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for place in PLACES:
        (GOLDEN / f"{place}.yaml").write_text(manifest(values_of(place)), encoding="utf-8")
    sys.stdout.write(f"Written: {CHART / 'README.md'} and {len(PLACES)} files of {GOLDEN}\n")


if __name__ == "__main__":
    main()
