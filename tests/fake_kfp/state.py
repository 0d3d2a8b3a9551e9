"""What the fake remembers, and the few rules of the real API that our clients rely on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from tests.fake_http import Refused

Thing = dict[str, Any]


@dataclass
class State:
    """The things that there are, by id, in the order in which they came."""

    pipelines: dict[str, Thing] = field(default_factory=dict)
    versions: dict[str, Thing] = field(default_factory=dict)
    experiments: dict[str, Thing] = field(default_factory=dict)
    runs: dict[str, Thing] = field(default_factory=dict)
    recurring: dict[str, Thing] = field(default_factory=dict)
    script: list[Thing] = field(default_factory=list)  # what the next looks at a run find changed
    multi_user: bool = True
    clock: datetime = datetime(2026, 11, 24, tzinfo=UTC)

    def now(self) -> str:
        """A second later than at the last call."""
        self.clock += timedelta(seconds=1)
        return self.clock.isoformat().replace("+00:00", "Z")

    # The operations, by their published names

    def healthz_service_get_healthz(self, query: Mapping[str, str]) -> Thing:
        return {"multi_user": True} if self.multi_user else {}

    def pipeline_service_list_pipelines(self, query: Mapping[str, str], **_: str) -> Thing:
        return self._mine("pipelines", self.pipelines, query)

    def pipeline_service_create_pipeline(self, query: Mapping[str, str], body: Thing) -> Thing:
        if any(known["display_name"] == body["display_name"] for known in self.pipelines.values()):
            raise Refused(409, f"pipeline {body['display_name']} already exists")
        return self._add(self.pipelines, "pipeline_id", body)

    def pipeline_service_list_pipeline_versions(self, query: Mapping[str, str], pipeline_id: str) -> Thing:
        _known(self.pipelines, pipeline_id)
        mine = {key: item for key, item in self.versions.items() if item["pipeline_id"] == pipeline_id}
        return _page("pipeline_versions", mine, query)

    def upload_pipeline_version(self, query: Mapping[str, str], upload: bytes) -> Thing:
        pipeline_id = _known(self.pipelines, query["pipelineid"])["pipeline_id"]
        spec = next(iter(yaml.safe_load_all(upload)))
        if "pipelineInfo" not in spec:
            raise Refused(400, "the file is no pipeline")
        for known in self.versions.values():
            if known["pipeline_id"] == pipeline_id and known["display_name"] == query["name"]:
                raise Refused(409, f"pipeline version {query['name']} already exists")
        body = {
            "pipeline_id": pipeline_id,
            "display_name": query["name"],
            "description": query.get("description", ""),
            "pipeline_spec": spec,
        }
        return self._add(self.versions, "pipeline_version_id", body)

    def experiment_service_list_experiments(self, query: Mapping[str, str], **_: str) -> Thing:
        return self._mine("experiments", self.experiments, query)

    def experiment_service_create_experiment(self, query: Mapping[str, str], body: Thing) -> Thing:
        if any(known["display_name"] == body["display_name"] for known in self.experiments.values()):
            raise Refused(409, f"experiment {body['display_name']} already exists")
        return self._add(self.experiments, "experiment_id", body)

    def run_service_create_run(self, query: Mapping[str, str], body: Thing) -> Thing:
        _known(self.experiments, body["experiment_id"])
        self._require_parameters(body)
        return self._add(self.runs, "run_id", body | {"state": "PENDING"})

    def run_service_get_run(self, query: Mapping[str, str], run_id: str) -> Thing:
        found = _known(self.runs, run_id)
        if self.script:
            found.update(self.script.pop(0))
        return found

    def run_service_list_runs(self, query: Mapping[str, str], **_: str) -> Thing:
        wanted = query.get("experiment_id")
        mine = {key: run for key, run in self.runs.items() if wanted in (None, run["experiment_id"])}
        return self._mine("runs", mine, query)

    def recurring_run_service_list_recurring_runs(self, query: Mapping[str, str], **_: str) -> Thing:
        return self._mine("recurringRuns", self.recurring, query)

    def recurring_run_service_create_recurring_run(self, query: Mapping[str, str], body: Thing) -> Thing:
        _known(self.experiments, body["experiment_id"])
        self._require_parameters(body)
        if len(body["trigger"]["cron_schedule"]["cron"].split()) != 6:  # robfig/cron before 3: no time zone, no macro
            raise Refused(400, "the cron has not six fields")
        if int(body["max_concurrency"]) not in range(1, 11):
            raise Refused(400, "max_concurrency is not within 1 and 10")
        status = "ENABLED" if body.get("mode") == "ENABLE" else "DISABLED"
        return self._add(self.recurring, "recurring_run_id", body | {"status": status})

    def recurring_run_service_delete_recurring_run(self, query: Mapping[str, str], recurring_run_id: str) -> Thing:
        _known(self.recurring, recurring_run_id)
        del self.recurring[recurring_run_id]
        return {}

    def recurring_run_service_enable_recurring_run(self, query: Mapping[str, str], recurring_run_id: str) -> Thing:
        _known(self.recurring, recurring_run_id).update(mode="ENABLE", status="ENABLED")
        return {}

    def recurring_run_service_disable_recurring_run(self, query: Mapping[str, str], recurring_run_id: str) -> Thing:
        _known(self.recurring, recurring_run_id).update(mode="DISABLE", status="DISABLED")
        return {}

    def _mine(self, field: str, things: Mapping[str, Thing], query: Mapping[str, str]) -> Thing:
        if query.get("namespace") and not self.multi_user:
            raise Refused(400, "in single-user mode nothing is filtered by namespace")
        return _page(field, things, query)

    def _add(self, things: dict[str, Thing], key: str, body: Thing) -> Thing:
        if body.get("namespace") and not self.multi_user:
            raise Refused(400, "in single-user mode there is no namespace")
        made = body | {key: str(uuid.uuid4()), "created_at": self.now()}
        things[made[key]] = made
        return made

    def _require_parameters(self, body: Thing) -> None:
        """As the API server does: every input of the pipeline, of its type, and no other."""
        reference = body["pipeline_version_reference"]
        pipeline_id = _known(self.pipelines, reference["pipeline_id"])["pipeline_id"]
        mine = [item for item in self.versions.values() if item["pipeline_id"] == pipeline_id]
        if wanted := reference.get("pipeline_version_id"):
            mine = [item for item in mine if item["pipeline_version_id"] == wanted]
        if not mine:
            raise Refused(404, "the pipeline has no such version")
        declared = mine[-1]["pipeline_spec"]["root"]["inputDefinitions"]["parameters"]
        given = body.get("runtime_config", {}).get("parameters", {})
        required = {name for name, what in declared.items() if not what.get("isOptional")}
        if missing := required - set(given):
            raise Refused(400, f"parameters are missing: {', '.join(sorted(missing))}")
        if unknown := set(given) - set(declared):
            raise Refused(400, f"unknown parameters: {', '.join(sorted(unknown))}")
        kinds = {"STRING": str, "STRUCT": dict, "BOOLEAN": bool, "NUMBER_INTEGER": int, "LIST": list}
        for name, value in given.items():
            kind = kinds.get(declared[name]["parameterType"], object)
            if not isinstance(value, kind):
                raise Refused(400, f"parameter {name} is no {declared[name]['parameterType']}")


def _known(things: dict[str, Thing], key: str) -> Thing:
    if key not in things:
        raise Refused(404, f"{key} not found")
    return things[key]


def _page(field: str, things: Mapping[str, Thing], query: Mapping[str, str]) -> Thing:
    """Two a page, so that whoever reads only the first page is found out."""
    found = list(things.values())
    if wanted := query.get("namespace"):
        found = [item for item in found if item.get("namespace", wanted) == wanted]
    for predicate in json.loads(query.get("filter") or "{}").get("predicates", []):
        assert predicate["operation"] == "EQUALS"
        found = [item for item in found if item.get(predicate["key"]) == predicate["string_value"]]
    if query.get("sort_by") == "created_at desc":
        found.reverse()
    start = int(query.get("page_token") or 0)
    page: Thing = {"total_size": len(found)}
    if found[start : start + 2]:  # the real one leaves empty fields out
        page[field] = found[start : start + 2]
    if start + 2 < len(found):
        page["next_page_token"] = str(start + 2)
    return page
