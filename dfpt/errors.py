"""Errors that a person can act on: what is wrong, where, and what to do next.

The exit code belongs to the error's class, so every shell (the CLI, a pipeline's component, DVC) ends with the
same code for the same trouble.
"""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_PENDING = 4


class DfptError(Exception):
    """Base of every error raised on purpose.

    Args:
        message: what is wrong and where, one sentence.
        remedy: what to do next, one sentence; empty where nothing helps but reading the message.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.remedy}" if self.remedy else self.message


class StepFailed(DfptError):
    """A step or a service could not finish its work: a full disk, a lost server, a NaN, an interruption."""


class UsageError(DfptError):
    """A wrong command, configuration or input path."""

    exit_code = EXIT_USAGE


class DataRefused(DfptError):
    """The data is not fit to train on."""

    exit_code = EXIT_REFUSED


class GateRefused(DfptError):
    """The student is not fit for the registry."""

    exit_code = EXIT_REFUSED


class DataDrifted(DfptError):
    """The images of today are not like those that the student was trained on."""

    exit_code = EXIT_REFUSED
