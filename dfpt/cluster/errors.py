"""What the cluster refuses, in words that name the fix. One table from HTTP status to error class."""

from __future__ import annotations

import json
from typing import Any

from dfpt.errors import DfptError, StepFailed, UsageError


class NotSignedIn(UsageError):
    """401: no token, or one that the API does not know."""


class Forbidden(UsageError):
    """403: the account may not do this."""


class NotThere(UsageError):
    """404: no such run, version or recurring run."""


class Conflict(StepFailed):
    """409: something of that name is there already."""


class Invalid(StepFailed):
    """400: the API does not understand what was sent."""


class Unreachable(StepFailed):
    """No answer, or one that broke off: what was asked for may have been done or not."""


_BY_STATUS: dict[int, tuple[type[DfptError], str]] = {
    400: (Invalid, "If the versions of Kubeflow Pipelines and of kfp-server-api fit, please report this."),
    401: (
        NotSignedIn,
        "In the cluster mount the token of the service account (audience pipelines.kubeflow.org); "
        "outside it name a file with a token in KF_PIPELINES_SA_TOKEN_PATH.",
    ),
    403: (Forbidden, "Bind the service account to the role kubeflow-pipelines-edit in this namespace."),
    404: (NotThere, "dfpt pipeline status and dfpt schedule list show what there is."),
    409: (Conflict, "Somebody else was at work at the same time: give the same command again."),
}


def of_status(status: int, host: str, doing: str, body: str | bytes | None) -> DfptError:
    """The error of an answer that was none of success.

    Args:
        body: the API's own words, a google.rpc.Status as JSON where it is Kubeflow that answers.
    """
    said = _message(body)
    kind, remedy = _BY_STATUS.get(status, (StepFailed, "Look at the log of ml-pipeline in the cluster."))
    return kind(f"{doing}: Kubeflow Pipelines at {host} answers {status}{f': {said}' if said else ''}.", remedy)


def unreachable(host: str, doing: str, why: object) -> Unreachable:
    return Unreachable(
        f"{doing}: no answer from Kubeflow Pipelines at {host}: {why}.",
        "Check the address (cluster.host) and the network; a port-forward to svc/ml-pipeline is enough.",
    )


def not_kubeflow(host: str, doing: str) -> UsageError:
    return UsageError(
        f"{doing}: what answers at {host} is not Kubeflow Pipelines' API (a login page, another service).",
        "Name the API itself with cluster.host, such as http://ml-pipeline.kubeflow.svc:8888.",
    )


def _message(body: str | bytes | None) -> str:
    """The first line of what the API says, without the point at its end."""
    try:
        found: Any = json.loads(body or "")
    except ValueError:
        return ""
    message = found.get("message") or found.get("error") if isinstance(found, dict) else None
    lines = str(message or "").strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else ""
