"""The published API of Kubeflow Pipelines, read out of the client that its makers generate from it (kfp-server-api).

Every route, query parameter, body and answer as the OpenAPI document has them, as JSON Schema: closed objects, the
enumerations' words, and nothing that we have written down ourselves.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import kfp_server_api
from kfp_server_api import models

_SIMPLE: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"},
    "object": {},
}


@dataclass(frozen=True)
class Operation:
    """One call of the API: its body, the parts of its path and its answer."""

    name: str
    method: str
    path: str
    query: frozenset[str]
    body: str | None
    answer: str
    upload: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("^" + re.sub(r"\{([^}]+)\}", lambda m: f"(?P<{_identifier(m[1])}>[^/:]+)", self.path) + "$")


@cache
def operations() -> tuple[Operation, ...]:
    """Every call of the published API; fixed paths before those with parts, as ``upload`` before ``{pipeline_id}``."""
    found = []
    for service in vars(kfp_server_api).values():
        if not (inspect.isclass(service) and service.__name__.endswith("ServiceApi")):
            continue
        for name, function in inspect.getmembers(service, inspect.isfunction):
            if name.endswith("_with_http_info"):
                found.append(_operation(name.removesuffix("_with_http_info"), inspect.getsource(function)))
    assert len(found) > 30, "kfp-server-api is not generated as it was"
    return tuple(sorted(found, key=lambda operation: operation.path.count("{")))


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a published type, such as ``V2beta1Run``."""
    return _of_type(name)


def _operation(name: str, source: str) -> Operation:
    path, method = re.findall(r"call_api\(\s*'([^']+)', '([A-Z]+)'", source)[0]
    body_name = re.search(r"body_params = local_var_params\['(\w+)'\]", source)
    body = re.search(rf":type {body_name[1]}: (\w+)", source) if body_name else None
    answer = re.search(r"response_type='(\w+)'", source)
    return Operation(
        name,
        method,
        path,
        frozenset(re.findall(r"query_params\.append\(\('([^']+)'", source)),
        body[1] if body else None,
        answer[1] if answer else "object",
        "local_var_files['uploadfile']" in source,
    )


def _of_type(name: str) -> dict[str, Any]:
    if name in _SIMPLE:
        return _SIMPLE[name]
    if inner := re.fullmatch(r"list\[(.+)\]", name):
        return {"type": "array", "items": _of_type(inner[1])}
    if inner := re.fullmatch(r"dict\(str, (.+)\)", name):
        return {"type": "object", "additionalProperties": _of_type(inner[1])}
    model = getattr(models, name)
    if hasattr(model, "allowable_values"):
        return {"enum": model.allowable_values}
    if name in ("GoogleRpcStatus", "ProtobufAny"):  # carries details of any type
        return {"type": "object"}
    properties = {model.attribute_map[field]: _of_type(kind) for field, kind in model.openapi_types.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _identifier(part: str) -> str:
    return part.replace(".", "_")
