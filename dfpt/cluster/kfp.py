"""The one place that speaks to Kubeflow Pipelines: kfp-server-api's calls, their errors in our words.

No kfp.Client: it reads kubeconfig files, opens proxies and prints. An address, a token file and a namespace are all
that is needed, and the same in the cluster, through a port-forward and in the tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt.cluster import errors

if TYPE_CHECKING:
    import kfp_server_api as api

TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # Kubeflow's own
MOUNTED_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
_PAGE = 100


@dataclass(frozen=True)
class Target:
    """Where Kubeflow Pipelines is.

    Attributes:
        host: the API's address, http or https.
        namespace: the profile's namespace; a Kubeflow Pipelines for a single user has none and is not told.
        token: a file; read anew for every call, because the kubelet renews it.
        timeout_seconds: for one call.
    """

    host: str
    namespace: str = ""
    token: Path | None = None
    timeout_seconds: int = 30


def token_file() -> Path | None:
    """Where Kubeflow puts the service account's token, if it did."""
    if named := os.environ.get(TOKEN_VARIABLE):
        return Path(named)
    return MOUNTED_TOKEN if MOUNTED_TOKEN.exists() else None


class Pipelines:
    """Kubeflow Pipelines at one address. Every method raises the errors of :mod:`dfpt.cluster.errors`."""

    def __init__(self, target: Target) -> None:
        import kfp_server_api
        import urllib3

        self.target = target
        configuration = kfp_server_api.Configuration(host=target.host.rstrip("/"))
        # What was not sent may be sent again; what was sent and not answered may have been done.
        configuration.retries = urllib3.Retry(total=2, connect=2, read=0, redirect=0, backoff_factor=0.1)
        if target.token is not None:
            configuration.api_key["authorization"] = ""
            configuration.api_key_prefix["authorization"] = "Bearer"
            configuration.refresh_api_key_hook = self._read_token
        client = kfp_server_api.ApiClient(configuration)
        self._pipelines = kfp_server_api.PipelineServiceApi(client)
        self._uploads = kfp_server_api.PipelineUploadServiceApi(client)
        self._experiments = kfp_server_api.ExperimentServiceApi(client)
        self._runs = kfp_server_api.RunServiceApi(client)
        self._recurring = kfp_server_api.RecurringRunServiceApi(client)
        self._health = kfp_server_api.HealthzServiceApi(client)

    @cached_property
    def namespace(self) -> str | None:
        """The namespace as requests carry it; None where there is a single user, whose API refuses any."""
        answer = self._call("asking who it serves", self._health.healthz_service_get_healthz_with_http_info)
        return (self.target.namespace or None) if answer.multi_user else None

    # Pipelines and their versions

    def pipeline(self, name: str) -> api.V2beta1Pipeline | None:
        query = {"filter": _equals("display_name", name)} | self._within()
        call = self._pipelines.pipeline_service_list_pipelines_with_http_info
        found = list(self._pages("looking for the pipeline", call, "pipelines", **query))
        return found[0] if found else None

    def create_pipeline(self, name: str, description: str) -> api.V2beta1Pipeline:
        """Raises Conflict where somebody was quicker."""
        import kfp_server_api

        body = kfp_server_api.V2beta1Pipeline(
            display_name=name, name=name, description=description, namespace=self.namespace
        )
        call = self._pipelines.pipeline_service_create_pipeline_with_http_info
        return self._call("making the pipeline", call, body)

    def versions(self, pipeline_id: str) -> Iterator[api.V2beta1PipelineVersion]:
        """The newest first."""
        call = self._pipelines.pipeline_service_list_pipeline_versions_with_http_info
        yield from self._pages(
            "listing the pipeline's versions", call, "pipeline_versions", pipeline_id, sort_by="created_at desc"
        )

    def upload_version(self, pipeline_id: str, name: str, description: str, spec: Path) -> api.V2beta1PipelineVersion:
        """Raises Conflict where there is one of that name."""
        call = self._uploads.upload_pipeline_version_with_http_info
        return self._call(
            "uploading the pipeline", call, str(spec), name=name, pipelineid=pipeline_id, description=description
        )

    # Experiments

    def experiment(self, name: str) -> api.V2beta1Experiment | None:
        query = {"filter": _equals("display_name", name)} | self._within()
        call = self._experiments.experiment_service_list_experiments_with_http_info
        found = list(self._pages("looking for the experiment", call, "experiments", **query))
        return found[0] if found else None

    def create_experiment(self, name: str) -> api.V2beta1Experiment:
        """Raises Conflict where somebody was quicker."""
        import kfp_server_api

        body = kfp_server_api.V2beta1Experiment(display_name=name, namespace=self.namespace)
        call = self._experiments.experiment_service_create_experiment_with_http_info
        return self._call("making the experiment", call, body)

    # Runs

    def create_run(self, run: api.V2beta1Run) -> api.V2beta1Run:
        call = self._runs.run_service_create_run_with_http_info
        return self._call("starting the run", call, run, experiment_id=run.experiment_id)

    def run(self, run_id: str) -> api.V2beta1Run:
        return self._call("asking for the run", self._runs.run_service_get_run_with_http_info, run_id)

    def runs(self, experiment_id: str | None = None, name: str | None = None) -> Iterator[api.V2beta1Run]:
        """The newest first."""
        query: dict[str, Any] = {"sort_by": "created_at desc"}
        query |= {"experiment_id": experiment_id} if experiment_id else self._within()
        if name:
            query["filter"] = _equals("display_name", name)
        yield from self._pages("listing the runs", self._runs.run_service_list_runs_with_http_info, "runs", **query)

    # Recurring runs

    def recurring_runs(self) -> Iterator[api.V2beta1RecurringRun]:
        """All of the namespace, ours or not."""
        call = self._recurring.recurring_run_service_list_recurring_runs_with_http_info
        yield from self._pages("listing the recurring runs", call, "recurring_runs", **self._within())

    def create_recurring_run(self, body: api.V2beta1RecurringRun) -> api.V2beta1RecurringRun:
        call = self._recurring.recurring_run_service_create_recurring_run_with_http_info
        return self._call("making the recurring run", call, body)

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Nothing where it is gone already."""
        call = self._recurring.recurring_run_service_delete_recurring_run_with_http_info
        try:
            self._call("removing the recurring run", call, recurring_run_id)
        except errors.NotThere:
            return

    def enable_recurring_run(self, recurring_run_id: str, enabled: bool) -> None:
        deed = "enable" if enabled else "disable"
        call = getattr(self._recurring, f"recurring_run_service_{deed}_recurring_run_with_http_info")
        self._call(f"to {deed} the recurring run", call, recurring_run_id)

    def _within(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    def _read_token(self, configuration: Any) -> None:
        assert self.target.token is not None
        try:
            token = self.target.token.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise errors.NotSignedIn(
                f"The token in {self.target.token} cannot be read: {error.strerror}.",
                f"Name a file with a token in {TOKEN_VARIABLE}, or mount the service account's.",
            ) from error
        configuration.api_key["authorization"] = token

    def _pages(self, doing: str, call: Callable[..., Any], field: str, *args: Any, **query: Any) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = self._call(doing, call, *args, page_size=_PAGE, **query, **({"page_token": token} if token else {}))
            yield from getattr(page, field) or []
            token = page.next_page_token
            if not token:
                return

    def _call(self, doing: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """One call: what it answers, or an error of ours."""
        import urllib3
        from kfp_server_api import ApiException

        host = self.target.host
        try:
            answer, _, headers = call(*args, **more, _request_timeout=self.target.timeout_seconds)
        except ApiException as error:
            if not error.status:
                raise errors.unreachable(host, doing, error.reason) from error
            raise errors.of_status(error.status, host, doing, error.body) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise errors.unreachable(host, doing, _reason(error)) from error
        except ValueError as error:  # a value that the published API does not know
            raise errors.not_kubeflow(host, doing) from error
        if "json" not in (headers or {}).get("Content-Type", ""):
            raise errors.not_kubeflow(host, doing)
        return answer


def _reason(error: Exception) -> str:
    """The cause that urllib3 wraps, in a few words."""
    inner = getattr(error, "reason", None) or error
    return str(inner).rpartition(">: ")[2] or type(inner).__name__


def _equals(key: str, value: str) -> str:
    """Kubeflow's filter as it goes into the query."""
    predicate: Mapping[str, str] = {"operation": "EQUALS", "key": key, "string_value": value}
    return json.dumps({"predicates": [predicate]})
