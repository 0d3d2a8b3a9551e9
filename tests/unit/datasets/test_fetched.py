from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.datasets.sources import resolve
from dfpt.errors import UsageError


def test_a_fetched_folder_is_the_source_that_it_was_fetched_from(tmp_path: Path) -> None:
    out = tmp_path / "digits"
    assert CliRunner().invoke(app, ["fetch", "digits", "--out", str(out)]).exit_code == 0
    (out / "images").joinpath("stranger.png").write_bytes(b"no image of the manifest")
    before, after = resolve("digits"), resolve(f"folder:{out}")
    assert (after.classes, after.channels, after.positive) == (before.classes, before.channels, before.positive)
    assert [(item.id, item.label_name, item.split) for item in after.items] == [
        (item.id, item.label_name, item.split) for item in before.items
    ]
    assert [item.read() for item in after.items[:20]] == [item.read() for item in before.items[:20]]


def test_a_manifest_that_lacks_a_column_is_one_clear_error(tmp_path: Path) -> None:
    out = tmp_path / "digits"
    CliRunner().invoke(app, ["fetch", "digits", "--out", str(out)])
    pd.read_parquet(out / "manifest.parquet").drop(columns="path").to_parquet(out / "manifest.parquet")
    with pytest.raises(UsageError, match="has no column 'path'"):
        resolve(f"folder:{out}")


def test_a_manifest_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "digits"
    CliRunner().invoke(app, ["fetch", "digits", "--out", str(out)])
    table = pd.read_parquet(out / "manifest.parquet")
    table.loc[0, "path"] = "../outside.png"
    (tmp_path / "outside.png").write_bytes(b"secret")
    table.to_parquet(out / "manifest.parquet")
    assert resolve(f"folder:{out}").items[0].refused == "a path that leads out of the folder"
