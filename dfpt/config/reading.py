"""Read the configuration: file, profile, environment, flags, in this order of precedence from the last."""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from dfpt import settings
from dfpt.config.gate import Registration
from dfpt.config.whole import Config
from dfpt.errors import UsageError
from dfpt.settings import Section

ENVIRONMENT_PREFIX = "DFPT_"
# Read elsewhere, so no configuration keys: the state folder, the profile, the registry's, and what a runner tells
# its steps.
RESERVED_ENVIRONMENT = {
    "DFPT_ACCELERATORS",
    "DFPT_APPROVALS",
    "DFPT_APPROVALS_TOKEN",
    "DFPT_APPROVALS_TOKEN_FILE",
    "DFPT_APPROVALS_URL",
    "DFPT_AUDIT_KEY",
    "DFPT_CONTAINERS",
    "DFPT_GIT_REVISION",
    "DFPT_HOME",
    "DFPT_LAUNCH",
    "DFPT_NOTIFY_KEY",
    "DFPT_NOTIFY_URL",
    "DFPT_POD",
    "DFPT_PROFILE",
    "DFPT_REGISTRY_URL",
    "DFPT_SCHEDULER_PID",
    "DFPT_SCHEDULES",
    "DFPT_TRIGGERS_SECRET",
    "DFPT_DEBUG",
    "DFPT_ERROR_FILE",
    "DFPT_RUN",
    "DFPT_RUN_FOLDER",
    "DFPT_RUNNER_PID",
    "DFPT_TRACKING",
}
# The approvals service's settings, and what Kubernetes tells every pod of a namespace about a Service dfpt-approvals:
# DFPT_APPROVALS_PORT and its like.
_OF_A_SERVICE = re.compile(
    r"^DFPT_SERVICE_|_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_[A-Z]+)?)?)$"
)


def resolve(
    path: Path | None,
    profile: str | None = None,
    assignments: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read and check the whole configuration.

    Args:
        path: params.yaml; None takes the one shipped with the package.
        profile: a name under ``profiles:`` of that file; None takes DFPT_PROFILE, then the file's ``profile:``.
        assignments: ``a.b=c`` texts of ``--set``; the value is read as YAML.
        environment: defaults to ``os.environ``.

    Raises:
        UsageError: a missing or unreadable file, an unknown key or profile, a value of a wrong type.
    """
    environment = os.environ if environment is None else environment
    path = path or Path(__file__).parents[1] / "params.yaml"
    values = settings.read(path, "Name one with --config.")
    profiles = values.pop("profiles", {})
    wanted = profile or environment.get("DFPT_PROFILE") or values.pop("profile", "default")
    values.pop("profile", None)
    if wanted != "default":
        if wanted not in profiles:
            raise UsageError(
                f"Unknown profile {wanted!r}: {path} has {', '.join(['default', *profiles])}.",
                settings.nearest(wanted, ["default", *profiles]),
            )
        values = _merge(values, profiles[wanted])
    elsewhere: dict[str, str] = {}  # key -> what else than the file it comes from
    for name, text in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name not in RESERVED_ENVIRONMENT and not _OF_A_SERVICE.search(name):
            keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            elsewhere[".".join(keys)] = where = f"environment variable {name}"
            values = _merge(values, _nested(keys, _scalar(text), where))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: no value.", "Write --set section.key=value.")
        elsewhere[key] = where = f"--set {assignment}"
        values = _merge(values, _nested(key.split("."), _scalar(text), where))
    config = settings.validated(Config, values, str(path), elsewhere)
    if "name" not in config.registration.model_fields_set:
        config = config.model_copy(update={"registration": Registration(name=_model_name(config.data.source))})
    return config


def _model_name(source: str) -> str:
    """What a student is registered as where nobody says: ``elpv``; ``folder:/a/Line 3`` is ``line-3``."""
    last = source.partition(":")[2].rstrip("/").rpartition("/")[2] or source
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:63].strip("-") or "student"


def dump(config: Section) -> str:
    """The configuration as YAML that :func:`resolve` reads back to the same."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _scalar(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _nested(keys: list[str], value: Any, where: str) -> dict[str, Any]:
    if not all(keys):
        raise UsageError(f"{where}: an empty key.", "Write section.key=value.")
    for key in reversed(keys):
        value = {key: value}
    return typing.cast(dict[str, Any], value)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
