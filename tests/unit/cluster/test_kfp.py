"""The client of Kubeflow Pipelines against a fake that knows the published API, and its failures."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from kfp_server_api import V2beta1RecurringRun, V2beta1Run

from dfpt.cluster import errors
from dfpt.cluster.kfp import TOKEN_VARIABLE, Pipelines, Target, token_file
from dfpt.errors import DfptError
from tests.fake_kfp import contract
from tests.fake_kfp.server import FakePipelines, Fault, running

pytest_plugins = "tests.fake_kfp.plugin"


@pytest.fixture
def client(kubeflow: FakePipelines) -> Pipelines:
    return Pipelines(Target(kubeflow.host, namespace="team", timeout_seconds=5))


def post(fake: FakePipelines, path: str, body: object) -> int:
    request = urllib.request.Request(
        f"{fake.host}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        return int(urllib.request.urlopen(request, timeout=5).status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/apis/v2beta1/recurringruns", {"display_name": "x", "max_concurrency": 1}),  # the published type is a string
        ("/apis/v2beta1/recurringruns", {"display_name": "x", "no_catch_up": True}),  # it is no_catchup
        ("/apis/v2beta1/recurringruns", {"mode": "PAUSED"}),
        ("/apis/v2beta1/runs", {"runtime_config": {"arguments": {}}}),
        ("/apis/v2beta1/runs?namespace=team", {}),
        ("/apis/v1beta1/runs", {}),
    ],
)
def test_the_fake_refuses_what_the_published_api_does_not_know(path: str, body: object) -> None:
    with running() as fake:
        assert post(fake, path, body) == 400
        assert len(fake.violations) == 1


def test_the_contract_is_read_from_the_published_client() -> None:
    calls = {operation.name: operation for operation in contract.operations()}
    assert calls["run_service_create_run"].body == "V2beta1Run"
    assert calls["run_service_create_run"].query == {"experiment_id"}
    assert calls["recurring_run_service_list_recurring_runs"].answer == "V2beta1ListRecurringRunsResponse"
    assert "recurringRuns" in contract.schema("V2beta1ListRecurringRunsResponse")["properties"]
    assert calls["upload_pipeline_version"].upload


def test_all_pages_are_read(client: Pipelines, kubeflow: FakePipelines) -> None:
    for number in range(5):
        client.create_pipeline(f"pipeline-{number}", "")
    assert client.pipeline("pipeline-4") is not None
    experiment = client.create_experiment("e")
    assert experiment.experiment_id
    kubeflow.state.runs = {str(n): {"run_id": str(n), "experiment_id": experiment.experiment_id} for n in range(5)}
    assert [run.run_id for run in client.runs(experiment.experiment_id)] == ["4", "3", "2", "1", "0"]


def test_a_kubeflow_for_a_single_user_is_told_no_namespace(client: Pipelines, kubeflow: FakePipelines) -> None:
    kubeflow.state.multi_user = False
    client.create_pipeline("p", "")
    assert client.pipeline("p") is not None
    assert list(client.recurring_runs()) == []


def test_other_peoples_namespaces_are_not_looked_into(client: Pipelines, kubeflow: FakePipelines) -> None:
    theirs = {"display_name": "p", "pipeline_id": "1", "namespace": "others", "created_at": "2026-01-01T00:00:00Z"}
    kubeflow.state.pipelines["1"] = theirs
    assert client.pipeline("p") is None


@pytest.mark.parametrize(
    ("status", "kind", "code", "word"),
    [
        (400, errors.Invalid, 1, "report"),
        (401, errors.NotSignedIn, 2, TOKEN_VARIABLE),
        (403, errors.Forbidden, 2, "kubeflow-pipelines-edit"),
        (404, errors.NotThere, 2, "dfpt pipeline status"),
        (409, errors.Conflict, 1, "again"),
        (500, DfptError, 1, "ml-pipeline"),
    ],
)
def test_an_answer_that_is_no_success_has_its_exit_code_and_its_fix(
    status: int, kind: type[DfptError], code: int, word: str
) -> None:
    with running() as fake:
        fake.faults = [Fault("run_service_get_run", status)]
        with pytest.raises(kind) as raised:
            Pipelines(Target(fake.host)).run("r1")
    assert raised.value.exit_code == code
    assert word in raised.value.remedy
    assert str(status) in raised.value.message
    assert "as the test asked for" in raised.value.message


def test_a_connection_that_breaks_is_no_answer(client: Pipelines, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("run_service_get_run", "lost")]
    with pytest.raises(errors.Unreachable, match="no answer") as raised:
        client.run("r1")
    assert raised.value.exit_code == 1


def test_what_was_sent_and_not_answered_is_not_sent_again(client: Pipelines, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("pipeline_service_create_pipeline", "unanswered")]
    with pytest.raises(errors.Unreachable):
        client.create_pipeline("p", "")
    assert kubeflow.count("pipeline_service_create_pipeline") == 1


def test_a_server_that_does_not_answer_is_given_up(kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("run_service_get_run", "stalled")]
    with pytest.raises(errors.Unreachable, match="timed out"):
        Pipelines(Target(kubeflow.host, timeout_seconds=1)).run("r1")


def test_an_address_where_nobody_listens_is_named() -> None:
    with running() as fake:
        host = fake.host
    with pytest.raises(errors.Unreachable, match=host):
        Pipelines(Target(host, timeout_seconds=1)).run("r1")


def test_a_login_page_is_not_taken_for_an_empty_list(client: Pipelines, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("recurring_run_service_list_recurring_runs", "page", times=2)]
    with pytest.raises(DfptError, match="not Kubeflow Pipelines' API") as raised:
        list(client.recurring_runs())
    assert raised.value.exit_code == 2


def test_the_token_is_read_anew_for_every_call(kubeflow: FakePipelines, tmp_path: Path) -> None:
    token = tmp_path / "token"
    kubeflow.token = "first"
    token.write_text("first\n")
    client = Pipelines(Target(kubeflow.host, token=token))
    assert client.experiment("e") is None
    kubeflow.token = "second"
    with pytest.raises(errors.NotSignedIn):
        client.experiment("e")
    token.write_text("second")
    assert client.experiment("e") is None


def test_a_token_that_cannot_be_read_is_named(kubeflow: FakePipelines, tmp_path: Path) -> None:
    with pytest.raises(errors.NotSignedIn, match="token"):
        Pipelines(Target(kubeflow.host, token=tmp_path / "token")).experiment("e")
    assert kubeflow.requests == []


def test_kubeflows_own_variable_names_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, str(tmp_path / "token"))
    assert token_file() == tmp_path / "token"


def test_what_is_removed_already_is_no_error(client: Pipelines) -> None:
    client.delete_recurring_run("gone")


def test_the_published_types_hold_what_we_send() -> None:
    assert "no_catchup" in V2beta1RecurringRun.openapi_types
    assert "pipeline_version_reference" in V2beta1Run.openapi_types
