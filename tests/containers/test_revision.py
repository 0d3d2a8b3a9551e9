"""A container, without clone and git and with a root that it cannot write to, fetches the images of a revision."""

from __future__ import annotations

from pathlib import Path

import pytest
from kfp import local

import components
from dfpt.config import for_step, resolve, with_images
from dfpt.datasets.task import Task
from dfpt.steps import prepare
from pipelines import local as here
from tests import versioned

pytest_plugins = ("tests.versioned",)


def test_the_older_revision_gives_the_older_data(
    repository: Path, s3: str, image: str, docker_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dfpt.context import Context

    versioned.two_revisions(repository, s3)
    config = resolve(
        Path("params.yaml"), assignments=["data.source=folder:data/line", "data.revision=v1", "data.split=block"]
    )
    config = config.model_copy(update={"data": with_images(config)})
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    home = tmp_path / "home"
    home.mkdir()
    values = for_step(config, "prepare").model_dump(mode="json", exclude_none=True)
    with here._containers(config, home, image, {"DFPT_HOME": str(home)}) as runner:
        local.init(runner, pipeline_root=str(home / "pipeline"))
        task = components.prepare(config=values, data_hash="", code_revision="", cache_period="")
    found = Task.load(Path(task.outputs["dataset"].path))

    versioned.write_digits(tmp_path / "eight" / "data" / "line", 0, 8)
    monkeypatch.chdir(tmp_path / "eight")
    plain = resolve(Path("../clone/params.yaml"), assignments=["data.source=folder:data/line", "data.split=block"])
    (tmp_path / "dataset").mkdir()
    prepare.run({}, {"dataset": tmp_path / "dataset"}, for_step(plain, "prepare"), Context(tmp_path, tmp_path))
    assert found.data_hash == Task.load(tmp_path / "dataset").data_hash
