"""graph.py, dvc.yaml, the components and the compiled YAML tell of the same pipeline."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from dfpt.config import STEP_CONFIGS
from dfpt.graph import STEPS, downstream

ROOT = Path(__file__).parents[2]
REGISTRY_STEPS = {"gate", "register"}


@pytest.fixture(scope="module")
def stages() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    """The pipeline's own part; what is Kubernetes' follows it."""
    return next(yaml.safe_load_all((ROOT / "pipelines" / "retraining.yaml").read_text()))


@pytest.fixture(scope="module")
def tasks(compiled: dict[str, Any]) -> dict[str, Any]:
    """Task name -> its spec, those behind the exit handler and the condition included."""
    graphs = [compiled["root"], *compiled["components"].values()]
    found = {name: task for graph in graphs for name, task in graph.get("dag", {}).get("tasks", {}).items()}
    return {name: task for name, task in found.items() if "executorLabel" in component_of(task, compiled)}


def component_of(task: dict[str, Any], compiled: dict[str, Any]) -> dict[str, Any]:
    return compiled["components"][task["componentRef"]["name"]]


def test_every_step_takes_only_what_an_earlier_step_gives() -> None:
    given: dict[str, str] = {}
    for step in STEPS.values():
        assert all(given.get(name) == producer for name, producer in step.takes.items()), step.name
        given |= dict.fromkeys(step.gives, step.name)


def test_only_the_steps_that_see_the_registry_are_never_cached() -> None:
    assert {step.name for step in STEPS.values() if not step.cacheable} == REGISTRY_STEPS


def test_what_depends_on_the_prompt_is_all_that_follows_it() -> None:
    assert downstream("tune-prompt") == ["tune-prompt", "distil", "evaluate", "gate", "register"]


def test_every_step_has_a_configuration() -> None:
    assert list(STEP_CONFIGS) == list(STEPS)


def test_dvc_has_the_same_steps(stages: dict[str, Any]) -> None:
    assert list(stages) == list(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_dvc_stage_has_the_edges_parameters_and_caching_of_the_step(name: str, stages: dict[str, Any]) -> None:
    step, stage = STEPS[name], stages[name]
    words = stage["cmd"].split()
    options = [tuple(words[i + 1].split("=")) for i, word in enumerate(words) if word in ("--in", "--out")]
    inputs = {name: f"artifacts/{producer}/{name}" for name, producer in step.takes.items()}
    outputs = {output: f"artifacts/{name}/{output}" for output in step.gives}
    metrics = f"reports/{name}.json"

    assert words[:3] == ["dfpt", "step", name]
    assert dict(options) == inputs | outputs | {"metrics": metrics}
    assert {dep for dep in stage["deps"] if dep.startswith("artifacts/")} == set(inputs.values())
    assert set(stage["params"]) == {"profile", "profiles"} | set(STEP_CONFIGS[name].model_fields)
    outs = {path: True for path in stage["outs"] if isinstance(path, str)}
    outs |= {path: extra["cache"] for item in stage["outs"] if isinstance(item, dict) for path, extra in item.items()}
    assert outs == dict.fromkeys(outputs.values(), step.cacheable)
    assert stage["metrics"] == [{metrics: {"cache": False}}]
    assert stage.get("always_changed", False) is not step.cacheable


@pytest.mark.parametrize("name", STEPS)
def test_dvc_watches_the_code_that_the_step_imports(name: str, stages: dict[str, Any]) -> None:
    assert {dep for dep in stages[name]["deps"] if dep.startswith("dfpt/")} == code_of(STEPS[name].module)


def code_of(module: str) -> set[str]:
    """The step's module, those of its neighbours that it imports, and every sub-package behind them."""
    found: set[str] = set()
    waiting = {f"dfpt/steps/{module}.py"}
    while waiting:
        path = waiting.pop()
        found.add(path)
        files = [ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py")
        waiting |= {place for file in files for name in imports(file) if (place := place_of(name))} - found
    return found


def imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def place_of(name: str) -> str | None:
    """``dfpt.models.tiny.WIDTHS`` is in ``dfpt/models``; what is in a single file of dfpt holds no result, nor does the
    configuration's form, whose values are a stage's params."""
    package, *rest = name.split(".")
    if package != "dfpt" or rest[:2] == ["steps", "context"] or rest[:1] in ([], ["config"]):
        return None
    if rest[0] == "steps":
        return f"dfpt/steps/{rest[1]}.py"
    return f"dfpt/{rest[0]}" if (ROOT / "dfpt" / rest[0]).is_dir() else None


def test_kubeflow_has_the_same_steps_and_one_task_that_tells_how_they_ended(tasks: dict[str, Any]) -> None:
    assert set(tasks) == {*STEPS, "notify"}
    assert tasks["notify"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert "enableCache" not in tasks["notify"]["cachingOptions"]


@pytest.mark.parametrize("name", STEPS)
def test_kubeflow_component_takes_and_gives_what_the_step_does(name: str, compiled: dict[str, Any]) -> None:
    step, component = STEPS[name], compiled["components"][f"comp-{name}"]
    parameters = {"config", "code_revision"} | ({"data_hash", "cache_period"} if name == "prepare" else set())
    assert set(component["inputDefinitions"].get("artifacts", {})) == set(step.takes)
    assert set(component["inputDefinitions"]["parameters"]) == parameters
    assert set(component["outputDefinitions"]["artifacts"]) == {*step.gives, *step.shows, "metrics"}
    assert list(component["outputDefinitions"].get("parameters", {})) == (["Output"] if name == "gate" else [])


@pytest.mark.parametrize("name", STEPS)
def test_kubeflow_task_has_the_edges_configuration_and_caching_of_the_step(name: str, tasks: dict[str, Any]) -> None:
    step, task = STEPS[name], tasks[name]
    edges = {
        key: source["taskOutputArtifact"]["producerTask"]
        if "taskOutputArtifact" in source
        else source["componentInputArtifact"].removeprefix("pipelinechannel--").removesuffix(f"-{key}")
        for key, source in task["inputs"].get("artifacts", {}).items()
    }
    assert edges == step.takes
    config = task["inputs"]["parameters"]["config"]["componentInputParameter"]
    assert config.removeprefix("pipelinechannel--") == step.module
    assert task["cachingOptions"].get("enableCache", False) is step.cacheable


def test_register_runs_only_behind_an_open_gate(compiled: dict[str, Any]) -> None:
    conditions = [
        (task["triggerPolicy"]["condition"], list(component_of(task, compiled)["dag"]["tasks"]))
        for graph in compiled["components"].values()
        for task in graph.get("dag", {}).get("tasks", {}).values()
        if "condition" in task.get("triggerPolicy", {})
    ]
    assert conditions == [("inputs.parameter_values['pipelinechannel--gate-Output'] == 'pass'", ["register"])]


def test_both_forms_of_the_compiled_pipeline_are_fresh(tmp_path: Path) -> None:
    from dfpt.config import resolve
    from pipelines import compile as compiling

    cluster = resolve(ROOT / "params.yaml", None, (), {}).cluster
    fresh = compiling.compile_pipeline(cluster, tmp_path / "retraining.yaml")
    assert fresh.read_bytes() == compiling.COMPILED.read_bytes(), "run: dfpt pipeline compile"
    fresh = compiling.compile_manifests(cluster, tmp_path / "kubernetes.yaml")
    assert fresh.read_bytes() == compiling.MANIFESTS.read_bytes(), "run: dfpt pipeline compile --kubernetes"


def test_the_local_pipeline_has_the_steps_of_the_clusters_and_nothing_of_its_settings(compiled: dict[str, Any]) -> None:
    from pipelines.retraining import on_this_machine

    local = on_this_machine()
    assert not local.platform_spec.platforms
    executors = {name.removeprefix("exec-"): found["container"] for name, found in executors_of(local).items()}
    on_cluster = {
        name.removeprefix("exec-"): found["container"]
        for name, found in compiled["deploymentSpec"]["executors"].items()
    }
    assert set(executors) == set(STEPS)
    for name in STEPS:
        assert executors[name]["command"] == on_cluster[name]["command"]
        assert "env" not in executors[name]
        assert "resources" not in executors[name]


def executors_of(pipeline: Any) -> dict[str, Any]:
    from google.protobuf import json_format

    return json_format.MessageToDict(pipeline.pipeline_spec)["deploymentSpec"]["executors"]
