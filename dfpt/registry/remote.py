"""The registry behind the approvals service: a :class:`dfpt.registry.desk.Desk` over the network.

People import it from :mod:`dfpt.approvals.client`; it lies here because the steps of a run use it too, and they know
no service.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from dfpt.errors import EXIT_REFUSED, EXIT_USAGE, DfptError, StepFailed, UsageError
from dfpt.registry.candidates import Sums
from dfpt.registry.desk import Answer
from dfpt.registry.errors import PolicyRefused
from dfpt.registry.history import Deployment

TOKEN_VARIABLE = "DFPT_APPROVALS_TOKEN"
TOKEN_FILE_VARIABLE = "DFPT_APPROVALS_TOKEN_FILE"
_SECONDS = 60.0  # a promotion copies a model's files


class ServiceRefused(PolicyRefused):
    """The service said no, by its policy or because of what it found.

    Attributes:
        kind: the problem's type.
    """

    def __init__(self, message: str, remedy: str, kind: str) -> None:
        super().__init__(message, remedy)
        self.kind = kind


class Client:
    """Acts for the account that the token belongs to. Safe for threads.

    Every function raises what the service answers, with the words and the exit code of the registry's own error.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        """``transport`` reaches the service another way than by network, as tests do."""
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1/", headers=headers, timeout=_SECONDS, transport=transport
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._http.close()

    def me(self) -> dict[str, Any]:
        """Who the service takes us for."""
        found: dict[str, Any] = self._ask("GET", "me")
        return found

    def requests(self, name: str | None = None, state: str | None = None) -> list[dict[str, Any]]:
        """Requests for approval, the oldest first."""
        given = {"name": name, "state": state}
        found: list[dict[str, Any]] = self._ask(
            "GET", "requests", {key: value for key, value in given.items() if value is not None}
        )
        return found

    def models(self, name: str | None = None) -> list[dict[str, Any]]:
        """Candidates, and what is in production."""
        found: list[dict[str, Any]] = self._ask("GET", "models", {} if name is None else {"name": name})
        return found

    def champion(self, name: str) -> Deployment | None:
        """What the log says is in production now; None where nothing is."""
        found = self._ask("GET", f"models/{_part(name)}/champion")
        return None if found is None else Deployment(**found)

    def request(self, name: str, version: int, reason: str, dry_run: bool = False, sums: Sums | None = None) -> Answer:
        given = {} if sums is None else dataclasses.asdict(sums)
        return self._decide(name, version, "request", reason, dry_run, **given)

    def approve(self, name: str, version: int, reason: str, dry_run: bool = False, emergency: bool = False) -> Answer:
        return self._decide(name, version, "approve", reason, dry_run, emergency=emergency)

    def reject(self, name: str, version: int, reason: str, dry_run: bool = False) -> Answer:
        return self._decide(name, version, "reject", reason, dry_run)

    def withdraw(self, name: str, version: int, reason: str, dry_run: bool = False) -> Answer:
        return self._decide(name, version, "withdraw", reason, dry_run)

    def roll_back(self, name: str, to: int | None, reason: str, dry_run: bool = False) -> Answer:
        wish = {"to": to, "reason": reason, "dry_run": dry_run}
        return _answer(self._ask("POST", f"models/{_part(name)}/rollback", body=wish))

    def history(self, name: str, at: str | None = None) -> Sequence[Deployment]:
        found = self._ask("GET", f"models/{_part(name)}/history", {} if at is None else {"at": at})
        return [Deployment(**one) for one in found]

    def _decide(self, name: str, version: int, deed: str, reason: str, dry_run: bool, **more: object) -> Answer:
        wish = {"reason": reason, "dry_run": dry_run} | more
        return _answer(self._ask("POST", f"models/{_part(name)}/versions/{version}/{deed}", body=wish))

    def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            answer = self._http.request(method, path, params=query, json=body)
        except httpx.HTTPError as error:
            raise StepFailed(
                f"The approvals service at {self._url} does not answer: {error or type(error).__name__}.",
                "Start it (dfpt approvals serve), or correct DFPT_APPROVALS_URL.",
            ) from error
        try:
            found = answer.json()
        except ValueError as error:
            raise self._strange(answer) from error
        if answer.is_success:
            return found
        raise self._refusal(answer, found)

    def _refusal(self, answer: httpx.Response, problem: Any) -> DfptError:
        if not isinstance(problem, dict) or "detail" not in problem:
            return self._strange(answer)
        message, remedy = str(problem["detail"]), str(problem.get("remedy", ""))
        code = problem.get("exit_code")
        if code == EXIT_USAGE:
            return UsageError(message, remedy)
        if code == EXIT_REFUSED:
            return ServiceRefused(message, remedy, str(problem.get("type", "")))
        return StepFailed(message, remedy)

    def _strange(self, answer: httpx.Response) -> StepFailed:
        return StepFailed(
            f"{self._url} answered {answer.status_code}, and not as an approvals service does.",
            "Correct DFPT_APPROVALS_URL.",
        )


def from_environment(url: str) -> Client:
    """A client with the token of the environment. Raises UsageError: there is none."""
    return Client(url, token(url))


def token(url: str) -> str:
    """The token of the environment for the service at ``url``.

    Raises:
        UsageError: there is none, or its file cannot be read.
    """
    file = os.environ.get(TOKEN_FILE_VARIABLE)
    try:
        found = os.environ.get(TOKEN_VARIABLE) or (Path(file).read_text(encoding="utf-8").strip() if file else "")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read the token in {file}: {error}.", f"Correct {TOKEN_FILE_VARIABLE}.") from error
    if not found:
        raise UsageError(
            f"No token for the approvals service at {url}.",
            f"Make one with dfpt approvals token create, and set {TOKEN_VARIABLE} or {TOKEN_FILE_VARIABLE}.",
        )
    return found


def _answer(found: Mapping[str, Any]) -> Answer:
    return Answer(found["message"], dict(found["shown"]), found["pending"], found["waiting"])


def _part(name: str) -> str:
    """A name as one part of a path: one with a slash or dots in it leads nowhere else."""
    return quote(name, safe="")
