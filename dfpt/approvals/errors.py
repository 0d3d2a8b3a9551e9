"""What the service refuses, and what it waits for."""

from __future__ import annotations

from dfpt.errors import EXIT_REFUSED, DfptError, StepFailed, UsageError


class Unauthenticated(UsageError):
    """Nobody we know is asking."""


class ScopeRefused(DfptError):
    """The token is not for this."""

    exit_code = EXIT_REFUSED


class CrossSite(DfptError):
    """A write with a browser's cookie that does not prove to come from our own page."""

    exit_code = EXIT_REFUSED


class LinkSpent(UsageError):
    """A one-time link that was used, has expired, or never was."""


class TooLarge(UsageError):
    """The body is longer than any that we would read."""


class WrongHost(UsageError):
    """Asked for under a name that is not ours."""


class TooMany(DfptError):
    """Asked too often.

    Attributes:
        retry_after: seconds to wait.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests.", f"Wait {retry_after} seconds.")
        self.retry_after = retry_after


class Waiting(StepFailed):
    """MLflow does not answer; nothing is lost, and what was decided is finished when it does.

    Attributes:
        retry_after: seconds to wait.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, f"Try again in {retry_after} seconds. What was decided is finished by itself.")
        self.retry_after = retry_after


class ProviderFailed(StepFailed):
    """The identity provider did not vouch for anybody."""


class SignInRefused(UsageError):
    """A sign-in at the provider that did not begin here, or ended without a person that we can take."""
