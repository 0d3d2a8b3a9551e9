from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dfpt import config
from dfpt.config import Config, resolve
from dfpt.errors import EXIT_USAGE, UsageError
from dfpt.graph import STEPS

PARAMS = Path(__file__).parents[2] / "params.yaml"


def resolved(*assignments: str, profile: str | None = None, **environment: str) -> Config:
    return resolve(PARAMS, profile, assignments, environment)


@pytest.mark.parametrize("profile", ["default", *yaml.safe_load(PARAMS.read_text())["profiles"]])
def test_every_profile_of_the_shipped_file_is_valid(profile: str) -> None:
    assert resolved(profile=profile).student.model


def test_the_packaged_configuration_is_the_one_at_the_root() -> None:
    assert resolve(None, "demo", (), {}) == resolved(profile="demo")


def test_a_flag_beats_the_environment_which_beats_the_profile_which_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("seed: 1\nprofiles: {p: {seed: 2}}\n")
    assert resolve(file, None, (), {}).seed == 1
    assert resolve(file, "p", (), {}).seed == 2
    assert resolve(file, None, (), {"DFPT_PROFILE": "p"}).seed == 2
    assert resolve(file, "p", (), {"DFPT_SEED": "3"}).seed == 3
    assert resolve(file, "p", ("seed=4",), {"DFPT_SEED": "3"}).seed == 4


def test_a_nested_key_leaves_its_neighbours_alone() -> None:
    changed = resolved("student.recipe.epochs=3", DFPT_STUDENT__RECIPE__LR="0.5").student.recipe
    assert (changed.epochs, changed.lr) == (3, 0.5)
    assert changed.batch_size == resolved().student.recipe.batch_size


@pytest.mark.parametrize(
    ("assignment", "named", "hint"),
    [
        ("sudent.model=x", "sudent", "student"),
        ("student.recipe.epoch=3", "student.recipe.epoch", "epochs"),
        ("gate.elpv.min_acuracy=0.5", "gate.elpv.min_acuracy", "min_accuracy"),
    ],
)
def test_an_unknown_key_names_the_nearest_valid_one(assignment: str, named: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(assignment)
    assert repr(named) in caught.value.message
    assert repr(hint) in caught.value.remedy
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    "assignment",
    [
        "seed=many",
        "seed=-1",
        "data.val=1.5",
        "student.recipe.lr=.nan",
        "student.recipe.epochs=2.5",
        "student=3",
        "seed",
    ],
)
def test_a_value_of_a_wrong_type_or_range_is_refused(assignment: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(assignment)
    assert assignment.partition("=")[0] in caught.value.message


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["data.split=folds"], "'stratified', 'block', 'group', 'fold' or 'ids'"),
        (["data.split=fold"], "data is not valid: split fold needs data.fold"),
        (["data.split=group"], "split group needs data.group"),
        (["data.split=ids"], "split ids needs data.ids"),
        (["data.fold.index=1"], "split stratified does not read data.fold"),
        (["data.ids=a.csv"], "split stratified does not read data.ids"),
        (["data.group.column=wafer"], "split stratified takes groups apart"),
        (["data.split=fold", "data.fold.index=4"], "counted from 0 to 3"),
        (["data.split=group", "data.group.column=a", "data.group.file=b"], "either group.column or group.file"),
        (["data.split=fold", "data.fold.indx=1"], "Did you mean 'index'"),
    ],
)
def test_a_split_without_what_it_reads_or_with_what_it_does_not_is_refused(
    assignments: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(*assignments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("gate.elpv.device=jetson", "gate.elpv.device is 'jetson'; under devices there is cpu-core"),
        ("gate.elpv.min_under_corruption={fog@2: 0.5}", "fog@2"),
        ("gate.elpv.min_under_corruption={noise@6: 0.5}", "noise@6"),
        ("gate.elpv.min_slices={wafer=mono: 1.5}", "1.5"),
        ("devices.cpu-core.slowdown=0", "slowdown"),
        ("devices.cpu-core.max_latency=1", "max_latency_seconds"),
    ],
)
def test_a_policy_of_the_gate_that_asks_for_what_there_is_not_is_refused(assignment: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(assignment)
    assert message in str(caught.value)


def test_a_fold_is_named_by_its_index_and_defaults_to_four_folds() -> None:
    data = resolved("data.split=fold", "data.fold.index=2").data
    assert data.fold is not None
    assert (data.fold.count, data.fold.index, data.fold.seed) == (4, 2, 0)


def test_what_is_not_configured_is_not_handed_to_the_step() -> None:
    handed = config.for_step(resolved(), "prepare").model_dump(mode="json", exclude_none=True)
    assert list(handed["data"]) == ["source", "image_size", "split", "val", "test"]  # or every cached result is lost


@pytest.mark.parametrize(
    ("assignments", "environment", "begins"),
    [
        (["teacher.modle=x"], {}, "Unknown key 'teacher.modle' in --set teacher.modle=x."),
        ([], {"DFPT_TEACHER__MODLE": "x"}, "Unknown key 'teacher.modle' in environment variable DFPT_TEACHER__MODLE."),
        (["distilation.adapt=joint"], {}, "Unknown key 'distilation' in --set distilation.adapt=joint."),
        (["seed=many"], {"DFPT_SEED": "few"}, "--set seed=many: seed = 'many'"),
        (["student.recipe.lr=0.1"], {"DFPT_STUDENT__RECIPE": "{bad: 1}"}, "Unknown key 'student.recipe.bad' in env"),
        (["seed=1"], {}, "Unknown key 'teacher.modle' in FILE."),
        (["teacher.model=resnet20"], {}, "PARAMS with --set teacher.model=resnet20: teacher is not valid: "),
        (["distillation.method=eskd"], {"DFPT_SEED": "1"}, "PARAMS with environment variable DFPT_SEED, --set dis"),
    ],
)
def test_a_mistake_is_said_to_be_where_it_was_made(
    tmp_path: Path, assignments: list[str], environment: dict[str, str], begins: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("teacher: {modle: x}\n" if "FILE" in begins else "")
    with pytest.raises(UsageError) as caught:
        resolve(file, None, assignments, environment)
    assert caught.value.message.startswith(begins.replace("FILE", str(file)).replace("PARAMS", str(file)))


def test_an_unknown_profile_names_those_that_exist() -> None:
    with pytest.raises(UsageError, match="smoke"):
        resolved(profile="smok")


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n", "\x00"])
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"mine\.yaml"):
        resolve(file, None, (), {})


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.yaml"):
        resolve(tmp_path / "absent.yaml", None, (), {})


def test_what_is_said_to_and_about_our_services_is_no_configuration() -> None:
    links = {
        "DFPT_APPROVALS_SERVICE_HOST": "10.0.0.1",
        "DFPT_APPROVALS_SERVICE_PORT_HTTP": "8080",
        "DFPT_SERVICE_PUBLIC_URL": "https://approvals.example",
        "DFPT_APPROVALS_PORT": "tcp://10.0.0.1:8080",
        "DFPT_MLFLOW_PORT_5000_TCP_ADDR": "10.0.0.1",
    }
    assert resolved(**links) == resolved()
    with pytest.raises(UsageError, match="report"):
        resolved(DFPT_REPORT="1")


def test_the_environment_that_runners_use_is_no_configuration() -> None:
    assert resolved(**dict.fromkeys(config.RESERVED_ENVIRONMENT - {"DFPT_PROFILE"}, "x")) == resolved()


@pytest.mark.parametrize(
    ("source", "name"), [("elpv", "elpv"), ("digits", "digits"), ("folder:/data/Line 3_cells/", "line-3-cells")]
)
def test_the_model_is_named_after_its_source_unless_told(source: str, name: str) -> None:
    assert resolved(f"data.source={source}").registration.name == name
    assert resolved(f"data.source={source}", "registration.name=mine").registration.name == "mine"


def test_the_gate_asks_what_its_source_is_asked_for() -> None:
    assert resolved("data.source=digits").thresholds() == resolved().gate["digits"]
    assert resolved("data.source=folder:/x").thresholds() == resolved().gate["default"]
    kind = resolved("data.source=folder:/x", "gate.folder.min_accuracy=0.7")
    assert kind.thresholds() == kind.gate["folder"]
    assert kind.thresholds().min_accuracy == 0.7


def test_a_name_kept_for_approved_models_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"registration\.name .* is not valid: a name ending in .* is kept for what was approved"
    ):
        resolved("registration.name=line-3-production")


def test_the_resolved_configuration_survives_being_saved(tmp_path: Path) -> None:
    before = resolved("data.source=folder:/x", profile="smoke")
    saved = tmp_path / "config.yaml"
    saved.write_text(config.dump(before))
    assert resolve(saved, None, (), {}) == before


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_configuration_survives_an_engine_that_turns_integers_into_floats(step: str) -> None:
    def as_floats(value: object) -> object:
        if isinstance(value, dict):
            return {key: as_floats(item) for key, item in value.items()}
        if isinstance(value, list):
            return [as_floats(item) for item in value]
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    whole = config.for_step(resolved(), step)
    sent = as_floats(whole.model_dump(mode="json", exclude_none=True))  # which knows no null either
    assert isinstance(sent, dict)
    assert config.parse_step(step, sent) == whole


def test_a_variable_that_something_else_of_ours_reads_is_no_configuration_key(root: Path) -> None:
    files = [*(root / "dfpt").rglob("*.py"), *(root / "components").iterdir()]
    named = {name for file in files if file.is_file() for name in re.findall(r"\bDFPT(?:_[A-Z]+)+\b", file.read_text())}
    # The service's own settings are set in its pod alone, and Kubernetes' are told apart by their endings.
    others = {name for name in named if not name.startswith("DFPT_SERVICE_") and not name.endswith("_PORT")}
    assert "DFPT_CONTAINERS" in others
    assert {name: resolved(**{name: "x"}) for name in others - {"DFPT_PROFILE"}}
