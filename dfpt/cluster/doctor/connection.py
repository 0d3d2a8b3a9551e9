"""The Kubernetes API as the doctor asks it: one call at a time, with a time limit, its refusals in words."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from dfpt.errors import DfptError, UsageError

SECONDS = 10.0
_Api = TypeVar("_Api")


class Refused(DfptError):
    """The API did not answer a question.

    Attributes:
        status: of HTTP; None where there was no answer at all.
        essential: whether it shows that something is wrong; that we may not look shows nothing.
    """

    def __init__(self, message: str, remedy: str, status: int | None, essential: bool = True) -> None:
        super().__init__(message, remedy)
        self.status = status
        self.essential = essential


class Connection:
    """An open way to one cluster.

    Args:
        client: a kubernetes.client.ApiClient.
        seconds: how long one answer may take.
    """

    def __init__(self, client: Any, seconds: float = SECONDS) -> None:
        client.configuration.retries = 0  # it counts when a pool is made, which is at the first call
        client.rest_client.pool_manager.connection_pool_kw["retries"] = 0
        self.client = client
        self.seconds = seconds

    def api(self, kind: Callable[[Any], _Api]) -> _Api:
        """One of kubernetes.client's groups of calls."""
        return kind(self.client)

    def ask(self, doing: str, call: Any, *arguments: Any, **named: Any) -> Any:
        """The answer to ``call``; None where there is no such thing.

        Args:
            doing: the question in words, after "may not" and "cannot".

        Raises:
            Refused: the API says no, or nothing.
        """
        with _said(doing):
            limit = (self.seconds, self.seconds)  # the package takes no notice of a single float
            return call(*arguments, _request_timeout=limit, **named)

    @contextlib.contextmanager
    def acting_as(self, account: str) -> Iterator[None]:
        """Inside the block all questions are asked in the name of ``account`` (a user's full name)."""
        self.client.set_default_header("Impersonate-User", account)
        try:
            yield
        finally:
            del self.client.default_headers["Impersonate-User"]


def connect(context: str | None = None) -> Connection:
    """From inside a pod by its account, else by the kubeconfig.

    Raises:
        UsageError: neither is there, or the kubeconfig has no such context.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            named = os.environ.get("KUBECONFIG")  # the package reads it when it is imported
            config.load_kube_config(named, context=context, client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise UsageError(
            f"There is no way to a cluster: {error}", "Set KUBECONFIG, or give the context that kubectl uses."
        ) from error
    return Connection(client.ApiClient(configuration))


@contextlib.contextmanager
def _said(doing: str) -> Iterator[None]:
    import urllib3
    from kubernetes.client import ApiException

    try:
        yield
    except ApiException as error:
        if error.status == 401:
            raise Refused(
                f"cannot {doing}: the API does not know who asks (401)", "Sign in again; tokens expire.", 401
            ) from error
        if error.status == 403:
            raise Refused(
                f"unknown: this account may not {doing} (403)",
                f"Ask an administrator to look, or for the permission to {doing}.",
                403,
                essential=False,
            ) from error
        if error.status == 404:
            raise Missing(f"cannot {doing}: there is none (404)", "", 404) from error
        raise Refused(
            f"cannot {doing}: the API answers {error.status}", "Look at the API server's log.", None
        ) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Refused(
            f"cannot {doing}: the API does not answer ({type(error).__name__})",
            "Is the address in the kubeconfig right, and is the way to it open (VPN, proxy)?",
            None,
        ) from error


class Missing(Refused):
    """There is no such thing."""
