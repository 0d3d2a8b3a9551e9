"""Tell how a run on the cluster has ended: a line in the log always, a webhook where there is one.

The webhook gets a JSON object by POST. With a key in DFPT_NOTIFY_KEY it is signed as every webhook of ours, see
:mod:`dfpt.registry.notifications.signature`. A webhook that cannot be reached does not make a finished run a failed
one: the log says so.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from dfpt.errors import EXIT_REFUSED, DfptError
from dfpt.registry.notifications import signature
from dfpt.registry.notifications.channels import NoRedirects
from dfpt.runtime import attempts

URL, KEY = "DFPT_NOTIFY_URL", "DFPT_NOTIFY_KEY"
_ATTEMPTS = 3
_SECONDS = 10.0  # of one attempt


def tell(state: str, run: str, engine_said: str) -> None:
    """The exit handler's body.

    Args:
        state: Kubeflow's word for how the run has ended, SUCCEEDED or another.
        run: Kubeflow's name of the run.
        engine_said: its error message, empty where there is none.
    """
    told = message(state, os.environ.get(attempts.RUN) or run, engine_said, attempts.errors())
    print(f"[{told['state']}] run {told['run']}: {told['text']}", flush=True)
    url = os.environ.get(URL)
    if url and (problem := post(url, told, os.environ.get(KEY, ""))):
        print(f"The webhook at {urllib.parse.urlsplit(url).hostname} was not told: {problem}", flush=True)


def message(state: str, run: str, engine_said: str, errors: Mapping[str, DfptError]) -> dict[str, Any]:
    """What is told.

    Args:
        errors: what the steps of the run left, see :mod:`dfpt.runtime.attempts`; the first one is the reason.
    """
    if state == "SUCCEEDED":
        text = "all steps have ended well; dfpt model list shows what waits for approval"
        return {"run": run, "state": "succeeded", "text": text}
    for step, error in errors.items():
        refused = error.exit_code == EXIT_REFUSED
        return {
            "run": run,
            "state": "refused" if refused else "failed",
            "text": f"{step}: {error.message}",
            "step": step,
            "remedy": error.remedy,
            "exit_code": error.exit_code,
        }
    text = engine_said or "no step left its reason: look at the log of the step that is red"
    return {"run": run, "state": "failed", "text": text}


def post(url: str, told: Mapping[str, Any], key: str, wait: Callable[[float], object] = time.sleep) -> str | None:
    """Send ``told``; None when it arrived, else why not. The URL, which may hold a secret, is never part of that.

    Args:
        wait: takes the seconds before the next attempt: 1, then 2.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        return f"{URL} is no http or https URL"
    body = json.dumps(told, ensure_ascii=False).encode()
    opener, problem = urllib.request.build_opener(NoRedirects), ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            wait(2.0 ** (attempt - 1))
        try:
            headers = {"Content-Type": "application/json", "X-DFPT-Delivery": f"{told['run']}-{told['state']}"}
            headers |= signature.headers(key, body, time.time()) if key else {}
            with opener.open(urllib.request.Request(url, body, headers, method="POST"), timeout=_SECONDS):
                return None
        except urllib.error.HTTPError as error:
            problem = f"it answered {error.code}"
            if error.code < 500 and error.code != 429:  # it will not think otherwise
                return problem
        except (OSError, ValueError) as error:
            problem = type(getattr(error, "reason", error)).__name__
    return problem
