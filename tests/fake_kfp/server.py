"""A FAKE of Kubeflow Pipelines' API server: real HTTP on loopback, checked against the published API both ways.

It holds to :mod:`tests.fake_kfp.contract`: a request that the published API does not know gets 400 and is written down
in ``violations``, and an answer of the fake's own that does not fit fails the test. It proves that our requests are
well formed and that our client reads the answers and bears the failures; it proves nothing about scheduling.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import jsonschema

from tests import fake_http
from tests.fake_http import FakeServer, Fault, Refused, Reply, Request, as_json
from tests.fake_kfp import contract
from tests.fake_kfp.state import State

__all__ = ["FakePipelines", "Fault", "running"]
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6}  # HTTP status -> that of google.rpc


class FakePipelines(FakeServer):
    """The fake, running.

    Attributes:
        requests: the operations that were called, with their bodies.
        token: if set, what has to come as a bearer token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.requests: list[tuple[str, Any]] = []
        self.token: str | None = None

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.requests)

    def writes(self) -> int:
        """How many calls there were that change something."""
        return sum(not name.partition("_service_")[2].startswith(("list", "get")) for name, _ in self.requests)

    def answer(self, request: Request) -> Reply:
        operation, parts = _route(request.method, request.path)
        with self.troubled(operation.name):
            if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refused(401, "Request header error: there is no valid token")
            return as_json(self._done(operation, parts, request))

    def said(self, refused: Refused) -> Any:
        return {"error": refused.message, "code": _CODES.get(refused.status, 13), "message": refused.message}

    def _done(self, operation: contract.Operation, parts: Mapping[str, str], request: Request) -> Any:
        arguments: dict[str, Any] = dict(parts)
        query = dict(request.query)
        if unknown := set(query) - operation.query:
            raise Refused(400, f"unknown query parameters: {', '.join(sorted(unknown))}")
        if query.get("filter"):
            _check(json.loads(query["filter"]), "V2beta1Filter")
        if operation.body:
            arguments["body"] = body = json.loads(request.content)
            _check(body, operation.body)
        elif operation.upload:
            arguments["upload"] = _uploaded(request.headers["Content-Type"], request.content)
        with self.lock:
            self.requests.append((operation.name, arguments.get("body")))
            call = getattr(self.state, operation.name, None)
            if call is None:
                raise Refused(501, f"the fake has no {operation.name}")
            answer = json.loads(json.dumps(call(query=query, **arguments)))
        if operation.answer != "object":
            jsonschema.validate(answer, contract.schema(operation.answer))
        return answer


def running() -> AbstractContextManager[FakePipelines]:
    """The fake on a free port."""
    return fake_http.running(FakePipelines())


def _route(method: str, path: str) -> tuple[contract.Operation, dict[str, str]]:
    for operation in contract.operations():
        if operation.method == method and (found := operation.pattern.match(path)):
            return operation, found.groupdict()
    raise Refused(400, "no such path in the published API")


def _check(value: Any, type_name: str) -> None:
    try:
        jsonschema.validate(value, contract.schema(type_name))
    except jsonschema.ValidationError as error:
        raise Refused(400, f"{type_name}: {error.json_path}: {error.message}") from error


def _uploaded(kind: str, content: bytes) -> bytes:
    """The file of a multipart form."""
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + content
    )
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == "uploadfile":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return payload
    raise Refused(400, "the form has no uploadfile")
