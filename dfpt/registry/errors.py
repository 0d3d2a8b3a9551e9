"""What the registry refuses."""

from __future__ import annotations

from pathlib import Path

from dfpt.errors import EXIT_REFUSED, DfptError, UsageError


class BytesChanged(DfptError):
    """A model's files are not those that were recorded."""

    exit_code = EXIT_REFUSED

    def __init__(self, model: str, folder: Path, expected: str, found: str) -> None:
        seen = "are gone" if found == "none" else f"have been changed: SHA-256 {found[:12]}..."
        super().__init__(
            f"The files of {model} in {folder} {seen}, recorded was {expected[:12]}...",
            "Find out who wrote there; restore the files, or reject the model and run the pipeline again.",
        )
        self.model = model
        self.folder = folder
        self.expected = expected
        self.found = found


class ForeignModel(DfptError):
    """The production side was made by somebody else, who owns it in MLflow."""

    exit_code = EXIT_REFUSED

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The registered model {model} was not made by the approvals service: whoever made it can change it.",
            "Find out who did; let MLflow's administrator delete or rename it, and approve again.",
        )
        self.model = model


class WrongState(UsageError):
    """A request is not in the state that the wish needs."""

    def __init__(self, model: str, state: str, wish: str, remedy: str = "") -> None:
        super().__init__(f"{model} cannot be {wish}: its request is {state}.", remedy)
        self.model = model
        self.state = state
        self.wish = wish


class NotFound(UsageError):
    """No such model, version or request."""


class PolicyRefused(DfptError):
    """approvals.yaml does not allow it."""

    exit_code = EXIT_REFUSED


class LogDamaged(DfptError):
    """The audit log is not as it was written."""

    exit_code = EXIT_REFUSED

    def __init__(self, record: int | None, problem: str) -> None:
        where = "The audit log" if record is None else f"Record {record} of the audit log"
        super().__init__(
            f"{where}: {problem}.",
            "Nothing is added to a damaged log. dfpt audit verify shows where; restore the database from a backup.",
        )
        self.record = record
        self.problem = problem
