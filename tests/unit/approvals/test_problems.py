from __future__ import annotations

import importlib
import pkgutil
from http import HTTPStatus

import pytest

import dfpt.approvals
import dfpt.registry
from dfpt.approvals import problems
from dfpt.approvals.errors import TooMany, Unauthenticated, Waiting
from dfpt.errors import DfptError, GateRefused, StepFailed, UsageError
from dfpt.registry.errors import NotFound, PolicyRefused


def of_ours() -> list[type[DfptError]]:
    """Every error that the registry and the service define."""
    for package in (dfpt.registry, dfpt.approvals):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found, waiting = set[type[DfptError]](), [DfptError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.add(kind)
    return sorted((kind for kind in found if kind.__module__.startswith(("dfpt.reg", "dfpt.app"))), key=str)


def test_every_error_of_ours_has_a_status_that_is_not_an_accident() -> None:
    for kind in of_ours():
        base = next(one for one in kind.__mro__ if one in problems.STATUS)
        assert base is not DfptError, f"{kind.__name__} would be answered 500"


@pytest.mark.parametrize(
    ("error", "status", "word", "code"),
    [
        (NotFound("There is none."), 404, "not-found", 2),
        (PolicyRefused("No.", "Ask."), 403, "policy", 3),
        (UsageError("What?"), 422, "not-valid", 2),
        (StepFailed("Full."), 503, "failed", 1),
        (GateRefused("No."), 500, "error", 3),
    ],
)
def test_an_error_keeps_its_words_and_its_exit_code(error: DfptError, status: int, word: str, code: int) -> None:
    found = problems.refusal(error).problem

    assert (found.status, found.type, found.exit_code) == (status, f"urn:dfpt:problem:{word}", code)
    assert (found.detail, found.remedy) == (error.message, error.remedy)
    assert found.title == HTTPStatus(status).phrase


def test_who_is_told_to_wait_is_told_how_long_and_who_is_unknown_how_to_come() -> None:
    assert problems.refusal(TooMany(7)).headers == {"Retry-After": "7"}
    assert problems.refusal(Waiting("Away.", 9)).headers == {"Retry-After": "9"}
    assert problems.refusal(Unauthenticated("Who?")).headers == {"WWW-Authenticate": "Bearer"}
