"""The summary over seeds is computed from the stored cells, and cells of another configuration are not mixed in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfpt.bench import seeds
from dfpt.config import Config
from dfpt.errors import UsageError


def _store(folder: Path, seed: int, teacher: float, baseline: float, student: float) -> None:
    models = {
        name: {"accuracy": accuracy, "macro_f1": accuracy / 2, "ece": 0.1, "parameters": parameters}
        for name, accuracy, parameters in (
            ("teacher", teacher, 2000),
            ("baseline", baseline, 100),
            ("student", student, 100),
        )
    }
    cell = {
        "seed": seed,
        "config": Config(seed=seed).model_dump(mode="json"),
        "metrics": {"distil": {"val_original_gap": 0.3, "val_prompt_gap": 0.2}},
        "report": {"models": models},
    }
    folder.mkdir(exist_ok=True)
    (folder / f"seed-{seed}.json").write_text(json.dumps(cell))


def test_the_summary_pairs_models_by_seed(tmp_path: Path) -> None:
    _store(tmp_path, 0, 0.80, 0.70, 0.72)
    _store(tmp_path, 1, 0.78, 0.72, 0.71)
    found = seeds.summarise(tmp_path)
    assert found["seeds"] == [0, 1]
    assert found["student_minus_baseline"]["mean"] == pytest.approx(0.005)
    assert found["student_minus_baseline"]["std"] == pytest.approx(0.0212132)
    assert found["student_minus_baseline"]["seeds_with_gain"] == 1
    assert found["student_minus_baseline"]["seeds_with_a_point"] == 1
    # t(0.975, 1) = 12.7062 times 0.0212132 / sqrt 2
    assert found["student_minus_baseline"]["interval"] == pytest.approx([0.005 - 0.190593, 0.005 + 0.190593], rel=1e-5)
    assert found["teacher_minus_baseline"]["mean"] == pytest.approx(0.08)
    assert found["models"]["teacher"]["macro_f1"]["values"] == [0.4, 0.39]
    assert "binary_accuracy" not in found["models"]["student"]
    assert found["teacher_to_student_parameters"] == 20
    assert json.loads((tmp_path / "summary.json").read_text()) == found


def test_stored_cells_are_not_computed_again(tmp_path: Path) -> None:
    for seed in range(2):
        _store(tmp_path / "out", seed, 0.8, 0.7, 0.75)
    found = seeds.run(Config(), 2, tmp_path / "out", tmp_path / "home")
    assert found["seeds"] == [0, 1]
    assert not (tmp_path / "home").exists()


def test_what_was_begun_with_another_configuration_is_not_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    def interrupted(config: Config, folder: Path) -> dict[str, object]:
        folders.append(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds, "_cell", interrupted)
    for image_size in (32, 48, 32):
        config = Config.model_validate({"student": {"image_size": image_size}})
        with pytest.raises(KeyboardInterrupt):
            seeds.run(config, 1, tmp_path / "out", tmp_path / "home")
    assert folders[0] == folders[2] != folders[1]


def test_cells_of_another_configuration_are_refused(tmp_path: Path) -> None:
    _store(tmp_path, 0, 0.8, 0.7, 0.75)
    other = Config.model_validate({"student": {"image_size": 32}})
    with pytest.raises(UsageError, match="another configuration"):
        seeds.run(other, 1, tmp_path, tmp_path / "home")


def test_a_cell_that_is_older_than_a_key_counts_as_measured_with_its_default(tmp_path: Path) -> None:
    _store(tmp_path, 0, 0.8, 0.7, 0.75)
    path = tmp_path / "seed-0.json"
    cell = json.loads(path.read_text())
    del cell["config"]["distillation"]["divergence"]
    path.write_text(json.dumps(cell))
    assert seeds.run(Config(), 1, tmp_path, tmp_path / "home")["seeds"] == [0]
    other = Config.model_validate({"distillation": {"divergence": "dkd"}})
    with pytest.raises(UsageError, match="another configuration"):
        seeds.run(other, 1, tmp_path, tmp_path / "home")


def test_a_folder_without_cells_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no cells"):
        seeds.summarise(tmp_path)


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    _store(tmp_path, 0, 0.80, 0.70, 0.72)
    assert seeds.summarise(tmp_path)["student_minus_baseline"]["interval"] is None


def test_a_student_that_is_not_trained_is_nothing_to_compare(tmp_path: Path) -> None:
    untrained = Config.model_validate({"student": {"recipe": {"epochs": 0}}})
    with pytest.raises(UsageError, match="no epoch"):
        seeds.run(untrained, 1, tmp_path / "out", tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_students_are_compared_seed_by_seed(tmp_path: Path) -> None:
    for seed, (mine, other) in enumerate([(0.75, 0.72), (0.74, 0.73), (0.70, 0.70)]):
        _store(tmp_path / "mine", seed, 0.8, 0.7, mine)
        _store(tmp_path / "other", seed, 0.8, 0.7, other)
    _store(tmp_path / "mine", 3, 0.8, 0.7, 0.9)  # has no partner
    found = seeds.compare(tmp_path / "mine", tmp_path / "other")
    assert found["seeds"] == [0, 1, 2]
    accuracy = found["differences"]["accuracy"]
    assert accuracy["values"] == pytest.approx([0.03, 0.01, 0.0])
    # standard deviation 0.0152753, t(0.975, 2) = 4.30265
    assert accuracy["interval"] == pytest.approx([0.0133333 - 0.0379461, 0.0133333 + 0.0379461], abs=1e-6)
    assert json.loads((tmp_path / "mine" / "against-other.json").read_text()) == found


def test_students_of_other_teachers_are_not_compared(tmp_path: Path) -> None:
    _store(tmp_path / "mine", 0, 0.8, 0.7, 0.75)
    _store(tmp_path / "other", 0, 0.8, 0.7, 0.72)
    path = tmp_path / "other" / "seed-0.json"
    cell = json.loads(path.read_text())
    cell["config"]["teacher"]["mixup"] = 0.9
    path.write_text(json.dumps(cell))
    with pytest.raises(UsageError, match="differ in teacher"):
        seeds.compare(tmp_path / "mine", tmp_path / "other")
    with pytest.raises(UsageError, match="share no seed"):
        seeds.compare(tmp_path / "mine", tmp_path / "nowhere")
