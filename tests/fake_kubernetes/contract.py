"""The published API of Kubernetes, read out of the client that its makers generate from it, and out of its schemas.

Paths, methods and query parameters come from the package kubernetes; bodies and answers are held against the JSON
Schemas of kubernetes-validate, which are made of the same OpenAPI document. We have written down none of it.
"""

from __future__ import annotations

import inspect
import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
from kubernetes import client
from kubernetes_validate import utils
from referencing import Registry, Resource

_CALL = re.compile(r"call_api\(\s*'([^']+)', '([A-Z]+)'")
_QUERY = re.compile(r"query_params\.append\(\('([^']+)'")
_METHOD = re.compile(r"^    def (\w+)_with_http_info\(", re.MULTILINE)
_GROUPS = (
    client.VersionApi,
    client.CoreV1Api,
    client.AppsV1Api,
    client.AuthorizationV1Api,
    client.CustomObjectsApi,
)


class Invalid(Exception):
    """What was sent is not in the published API."""


@dataclass(frozen=True)
class Operation:
    """One call of the API."""

    name: str
    method: str
    pattern: re.Pattern[str]
    query: frozenset[str]
    takes_body: bool


@cache
def operations() -> tuple[Operation, ...]:
    """All calls of the groups; fixed paths before those with parts."""
    found: list[tuple[str, Operation]] = []
    for group in _GROUPS:
        source = inspect.getsource(group)
        starts = [match.start() for match in _METHOD.finditer(source)] + [len(source)]
        for start, end in itertools.pairwise(starts):
            text = source[start:end]
            name = _METHOD.match(text)
            call = _CALL.search(text)
            assert name, "the package kubernetes is not generated as it was"
            assert call, f"{name[1]} is not generated as the others are"
            pattern = re.compile("^" + re.sub(r"\\?\{(\w+)\\?\}", r"(?P<\1>[^/]+)", re.escape(call[1])) + "$")
            query = frozenset(_QUERY.findall(text))
            found.append((call[1], Operation(name[1], call[2], pattern, query, "body_params = " in text)))
    assert len(found) > 200
    return tuple(operation for _, operation in sorted(found, key=lambda one: (one[0].count("{"), one[0])))


def route(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """Raises Invalid: no such call."""
    for operation in operations():
        if operation.method == method and (found := operation.pattern.match(path)):
            return operation, found.groupdict()
    raise Invalid(f"no {method} {path} in the published API")


def releases() -> list[str]:
    """Those whose schemas there are, from the oldest that we promise: "1.31" and on."""
    found = {tuple(int(part) for part in version.split(".")[:2]) for version in utils.all_versions()}
    return [f"{major}.{minor}" for major, minor in sorted(found) if (major, minor) >= (1, 31)]


def check(thing: dict[str, Any], version: str = "1.31") -> None:
    """Hold a body or an answer against its schema; unknown keys are refused.

    Raises:
        Invalid: it is not what the API takes or gives.
    """
    try:
        validator = _validator(thing["kind"], thing["apiVersion"], version)
    except KeyError as error:
        raise Invalid(f"without {error}") from error
    for error in validator.iter_errors(thing):
        raise Invalid(f"{thing['kind']}: {error.json_path}: {error.message}")


@cache
def _validator(kind: str, api_version: str, version: str) -> Any:
    """A validator of one kind. kubernetes-validate's own reads megabytes of definitions anew for every object."""
    group, slash, number = api_version.partition("/")
    name = f"{kind.lower()}-{group.partition('.')[0]}{'-' if slash else ''}{number}.json"
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    try:
        schema = utils.schema_contents(f"{folder}/{name}", version)
    except FileNotFoundError:
        raise Invalid(f"no schema of {api_version} {kind}") from None
    return jsonschema.Draft202012Validator(schema, registry=_definitions(folder, version))


@cache
def _definitions(folder: str, version: str) -> Any:
    content = utils.schema_contents(f"{folder}/_definitions.json", version)
    return Resource.from_contents(content) @ Registry()
