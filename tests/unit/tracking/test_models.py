from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

from dfpt import config
from dfpt.tracking import models, run, store

pytest_plugins = "tests.mlflow_home"

SETTINGS = config.for_step(config.Config(), "validate")


def test_the_comparison_names_the_runs_as_mlflows_page_reads_them() -> None:
    url = models.comparison_url("http://127.0.0.1:5000/", "7", ["aa", "bb"])

    page, query = url.split("?")
    values = {key: json.loads(value[0]) for key, value in parse_qs(query).items()}
    assert page == "http://127.0.0.1:5000/#/compare-runs"
    assert values == {"runs": ["aa", "bb"], "experiments": ["7"]}


def test_the_newest_pipeline_runs_models_get_the_same_test_figures_and_are_compared(home: Path) -> None:
    place = store.tracking_uri(home), store.ensure(home, "elpv")
    client = store.client(place[0])
    assert models.last_makers(client) is None
    made: dict[str, str] = {}
    for _ in range(2):
        with run.parent_run("a run", config.Config(), "digits", "d" * 64, *place, {}) as parent:
            for step in ("validate", "train-baseline", "train-teacher", "distil"):
                with run.step_run(parent.run_id, step, SETTINGS, *place, {}) as below:
                    made[step] = below.run_id
    with run.parent_run("without models", config.Config(), "digits", "d" * 64, *place, {}):
        pass

    report = {"models": {name: {"accuracy": 0.5, "confusion": [[1]]} for name in models.MAKERS}}
    models.record_test_figures(place[0], parent.run_id, report)

    assert models.last_makers(client) == (
        place[1],
        [made["train-teacher"], made["train-baseline"], made["distil"]],
    )
    for step in models.MAKERS.values():
        assert client.get_run(made[step]).data.metrics == {"test_accuracy": 0.5}
    assert client.get_run(made["validate"]).data.metrics == {}
