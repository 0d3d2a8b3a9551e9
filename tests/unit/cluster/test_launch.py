"""The launcher against a fake Kubernetes API on loopback, and under the real torchrun."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dfpt import files
from dfpt.cluster import jobs, launch
from dfpt.cluster.config import Cluster
from dfpt.cluster.jobs import Jobs
from dfpt.cluster.plan import Plan
from dfpt.cluster.work import Work
from dfpt.errors import DataRefused, StepFailed, UsageError
from dfpt.runtime import trouble
from tests.fake_kubernetes.objects import a
from tests.fake_kubernetes.server import FakeKubernetes, Fault, running
from tests.fake_kubernetes.trainer import Trainer

PLAN = Plan.of("distil", Cluster.model_validate({"home": "h", "resources": {"distil": {"num_nodes": 2}}}), "image")


pytest_plugins = ("tests.fake_kubernetes.plugin",)
CREATE, GET, DELETE = (f"{deed}_namespaced_custom_object" for deed in ("create", "get", "delete"))


@pytest.fixture
def server(kubernetes_api: FakeKubernetes) -> FakeKubernetes:
    """With the pod that the launcher is in, which belongs to a run."""
    launcher = a("Pod", "launcher", namespace="vision", spec={"containers": [{"name": "main", "image": "x"}]})
    launcher["metadata"]["ownerReferences"] = [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "dfpt-retraining-abc", "uid": "1"}
    ]
    kubernetes_api.state.put(launcher)
    return kubernetes_api


@pytest.fixture
def trainer(server: FakeKubernetes) -> Trainer:
    return server.state.trainer


@pytest.fixture
def api(server: FakeKubernetes) -> Jobs:
    return jobs_at(server.host)


def jobs_at(url: str) -> Jobs:
    from kubernetes import client

    settings = client.Configuration(host=url)
    settings.retries = 0
    return Jobs(client.ApiClient(settings), "vision")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """A step's call, its input in place."""
    dataset = tmp_path / "in" / "dataset"
    dataset.mkdir(parents=True)
    (dataset / "images.npy").write_bytes(b"images")
    metrics, out = tmp_path / "metrics.json", tmp_path / "out" / "student"
    return Work("distil", {"seed": 1}, {"dataset": str(dataset)}, {"student": str(out)}, str(metrics))


def run(api: Jobs, work: Work) -> None:
    assert PLAN
    launch._on_many_nodes(PLAN, work, api, "launcher", every=0.01)


def shared_file(trainer: Trainer) -> Path:
    """What the nodes of the only job are to do."""
    (job,) = trainer.jobs.values()
    return Path(job["spec"]["trainer"]["command"][-1])


def finishes(trainer: Trainer, looks: int = 3) -> Callable[[str], None]:
    """The nodes do their work and the job completes when it is looked at for the third time."""
    left = [looks]

    def look(name: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            done = Work.load(shared_file(trainer))
            assert (Path(done.inputs["dataset"]) / "images.npy").read_bytes() == b"images"
            files.write_text(Path(done.outputs["student"]) / "model.safetensors", "weights")
            files.write_json(Path(done.metrics), {"accuracy": 0.9})
            trainer.end(name, "Complete")

    return look


def test_a_job_that_completes_leaves_its_outputs_here_and_shows_rank_0s_log(
    trainer: Trainer, api: Jobs, work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer.log = ["[distil] 50%  epoch 1/2", "[distil] done"]
    trainer.on_get = finishes(trainer)
    run(api, work)
    assert (Path(work.outputs["student"]) / "model.safetensors").read_text() == "weights"
    assert json.loads(Path(work.metrics).read_text()) == {"accuracy": 0.9}
    assert "[distil] 50%  epoch 1/2\n[distil] done\n" in capsys.readouterr().out
    assert trainer.jobs == {}, "a retry of this pod would take it for done, and its outputs are no longer shared"


def test_the_job_runs_the_worker_and_goes_with_its_workflow(trainer: Trainer, api: Jobs, work: Work) -> None:
    made: list[Any] = []
    finish = finishes(trainer)

    def look(name: str) -> None:
        made.extend(trainer.jobs.values())
        finish(name)

    trainer.on_get = look
    run(api, work)
    assert made[0]["metadata"]["ownerReferences"][0]["kind"] == "Workflow"
    assert made[0]["spec"]["trainer"]["command"][:3] == ["torchrun", "-m", "dfpt.runtime.worker"]


def test_a_retry_adopts_the_job_of_the_attempt_before(
    server: FakeKubernetes, trainer: Trainer, api: Jobs, work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = [Fault(DELETE, 500)]  # the first attempt is killed without having deleted it
    trainer.on_get = lambda name: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StepFailed):
        run(api, work)
    assert len(trainer.jobs) == 1
    trainer.on_get = finishes(trainer)
    run(api, work)
    assert "of an earlier attempt goes on" in capsys.readouterr().out


def test_a_retry_makes_the_failed_job_of_the_attempt_before_anew(
    server: FakeKubernetes, trainer: Trainer, api: Jobs, work: Work
) -> None:
    trainer.on_get = lambda name: trainer.end(name, "Failed")
    with pytest.raises(StepFailed):
        run(api, work)
    server.requests.clear()
    looked: list[str] = []

    def look(name: str) -> None:
        looked.append(name)
        if len(looked) > 1:
            finish(name)

    finish = finishes(trainer, 1)
    trainer.on_get = look
    run(api, work)
    asked = [name for name, _ in server.requests if name in (CREATE, GET, DELETE)]
    assert asked[:4] == [CREATE, GET, DELETE, CREATE]


def test_a_sigterm_deletes_the_job(trainer: Trainer, api: Jobs, work: Work) -> None:
    trainer.on_get = lambda name: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StepFailed, match="interrupted"):
        run(api, work)
    assert trainer.jobs == {}
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_error_of_a_node_comes_out_with_its_exit_code(trainer: Trainer, api: Jobs, work: Work) -> None:
    def fail(name: str) -> None:
        trouble.leave(shared_file(trainer).with_name("error.json"), "distil", DataRefused("An empty class."))
        trainer.end(name, "Failed", "JobsFailed", "job failed")

    trainer.on_get = fail
    with pytest.raises(DataRefused, match="An empty class"):
        run(api, work)


def test_a_job_that_died_without_a_word_is_told_with_its_last_lines(trainer: Trainer, api: Jobs, work: Work) -> None:
    trainer.log = [f"line {number}" for number in range(30)]
    looks: list[str] = []

    def fail(name: str) -> None:
        looks.append(name)
        if len(looks) == 3:
            trainer.end(name, "Failed", "DeadlineExceeded", "too long")

    trainer.on_get = fail
    with pytest.raises(StepFailed, match="DeadlineExceeded: too long") as caught:
        run(api, work)
    assert "line 29" in caught.value.message
    assert "line 9\n" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [(401, UsageError, "token"), (403, UsageError, "role"), (422, UsageError, "2.3"), (500, StepFailed, "Run again")],
)
def test_a_refused_creation_says_what_to_do(
    status: int, kind: type[Exception], remedy: str, server: FakeKubernetes, api: Jobs, work: Work
) -> None:
    server.faults = [Fault(CREATE, status)]
    with pytest.raises(kind) as caught:
        run(api, work)
    assert remedy in str(caught.value)


def test_a_server_that_restarts_meanwhile_costs_nothing(
    server: FakeKubernetes, trainer: Trainer, api: Jobs, work: Work
) -> None:
    finish = finishes(trainer, 2)

    def look(name: str) -> None:
        if not server.faults:
            server.faults = [Fault(GET, 503), Fault(GET, "lost")]
        finish(name)

    trainer.on_get = look
    run(api, work)
    assert Path(work.metrics).exists()
    assert [fault.times for fault in server.faults] == [0, 0]  # both have happened


def test_a_server_that_stays_away_is_an_error_in_the_end(
    server: FakeKubernetes, trainer: Trainer, api: Jobs, work: Work
) -> None:
    def away(name: str) -> None:
        server.faults = [Fault(GET, 503, times=100)]

    trainer.on_get = away
    with pytest.raises(StepFailed, match="answered 503"):
        run(api, work)


def test_a_job_that_somebody_deletes_is_an_error(trainer: Trainer, api: Jobs, work: Work) -> None:
    trainer.on_get = lambda name: trainer.jobs.clear()
    with pytest.raises(jobs.Gone, match="was deleted"):
        run(api, work)


def test_no_answer_at_all_is_said_so(work: Work) -> None:
    with pytest.raises(StepFailed, match="does not answer"):
        run(jobs_at("http://127.0.0.1:9"), work)


def test_a_planted_invalid_request_fails_against_the_fake() -> None:
    with running() as fake:
        api = jobs_at(fake.host)
        with pytest.raises(UsageError, match="podTemplateOverrides is unknown"):
            api.create(
                {
                    "apiVersion": "trainer.kubeflow.org/v1alpha1",
                    "kind": "TrainJob",
                    "metadata": {"name": "x"},
                    "spec": {"runtimeRef": {"name": "torch-distributed"}, "podTemplateOverrides": []},
                }
            )
        assert fake.violations


def test_outside_a_cluster_many_nodes_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no pod of a cluster"):
        jobs.in_cluster()


WRONG_CONFIG = {"validation": {"min_per_class": -1}}


@pytest.mark.slow
def test_the_error_of_a_process_under_torchrun_comes_out_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    plan = Plan.of("distil", Cluster.model_validate({"resources": {"distil": {"num_processes": 2}}}), "image")
    assert plan
    work = Work("validate", WRONG_CONFIG, {}, {}, str(tmp_path / "metrics.json"))
    with pytest.raises(UsageError, match="min_per_class"):
        launch.launch(plan.to_environment(), work)


@pytest.mark.slow
def test_a_sigterm_reaches_the_processes_under_torchrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said"
    program = "import pathlib, signal, sys, time\n"
    program += (
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(said)!r}).write_text('ended'), sys.exit(1)))\n"
    )
    program += "print('ready', flush=True)\nsignal.pause()\n"
    (tmp_path / "program.py").write_text(program)
    import sys

    monkeypatch.setattr(launch, "torchrun", lambda processes, work: [sys.executable, str(tmp_path / "program.py")])
    monkeypatch.setattr(launch, "_passed_on", stop_at_first_line(launch._passed_on))
    plan = Plan.of("distil", Cluster.model_validate({"resources": {"distil": {"num_processes": 2}}}), "image")
    assert plan
    work = Work("distil", {}, {}, {}, str(tmp_path / "metrics.json"))
    with pytest.raises(StepFailed, match="torchrun ended with 1"):
        launch.launch(plan.to_environment(), work)
    assert said.read_text() == "ended"


def stop_at_first_line(original: Callable[..., Any]) -> Callable[..., Any]:
    def lines_then_stop(lines: Any) -> Any:
        def stopping() -> Iterator[str]:
            for number, line in enumerate(lines):
                if number == 0:
                    threading.Timer(0, os.kill, (os.getpid(), signal.SIGTERM)).start()
                yield line

        return original(stopping())

    return lines_then_stop
