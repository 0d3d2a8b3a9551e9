"""What goes wrong with DVC and its remotes, in one sentence each, and with the exit code that fits."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

from dfpt.errors import DfptError, StepFailed, UsageError

_ATTEMPTS = "AWS_MAX_ATTEMPTS"  # botocore's: five by default, half a minute until a dead server is called dead
_AWAY = "Check that it is up and that you may use it (dvc remote list); nothing here is lost, the same command goes on."
_CREDENTIALS = (
    "Give the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment (on a cluster from a Secret, "
    "cluster.secrets), or dvc remote modify --local."
)
_THEIRS = ("dvc_data", "dvc_objects", "botocore", "aiobotocore", "aiohttp")  # their exceptions have no common base


_LOGGERS = ("dvc", "dvc_data", "dvc_objects")


def quiet() -> None:
    """What goes wrong is raised, and said by us."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Heard(logging.Handler):
    """The errors that DVC only logs: of a file that failed to come it raises how many there were, not why."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.errors.append(record.exc_info[1])


@contextlib.contextmanager
def _hearing() -> Iterator[list[BaseException]]:
    heard = _Heard()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [heard], False
        logger.setLevel(logging.ERROR)
    try:
        yield heard.errors
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """A server that does not answer is given up after the second attempt."""
    before = os.environ.get(_ATTEMPTS)
    os.environ.setdefault(_ATTEMPTS, "2")
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ATTEMPTS]


@contextlib.contextmanager
def explained(doing: str, lacking: str) -> Iterator[None]:
    """Whatever DVC, its file systems or the network raise, in one sentence; DVC's own words are kept.

    Args:
        doing: how the sentence begins, e.g. ``Cannot pull from the remote 'store'``.
        lacking: what to do where the remote has not all of the files.
    """
    from dvc.exceptions import CheckoutError, DvcException, OverlappingOutputPathsError

    heard: list[BaseException] = []
    try:
        with _hearing() as heard:
            yield
    except DfptError:
        raise
    except OverlappingOutputPathsError as error:
        raise UsageError(f"{doing}: {error}.", "Track one of the two folders.") from error
    except CheckoutError as error:
        missing = ", ".join(error.target_infos[:3])
        raise StepFailed(f"{doing}: it lacks {missing}.", lacking) from error
    except Exception as error:
        chain = _chain(heard[0] if heard else error)
        cause = chain[-1]
        if any(_refused(one) for one in chain):
            raise UsageError(f"{doing}: {_said(cause)}.", _CREDENTIALS) from error
        if lost := [one for one in chain if isinstance(one, FileNotFoundError)]:
            raise StepFailed(f"{doing}: not there: {_said(lost[0])}.", lacking) from error
        if isinstance(error, (DvcException, OSError)) or type(error).__module__.partition(".")[0] in _THEIRS:
            raise StepFailed(f"{doing}: {_said(cause)}.", _AWAY) from error
        raise


def _chain(error: BaseException) -> list[BaseException]:
    """An error and its causes, the first of all at the end."""
    found = [error]
    while found[-1].__cause__ is not None:
        found.append(found[-1].__cause__)
    return found


def _refused(error: BaseException) -> bool:
    """Whether the store wants to know who asks; a file that may not be read here has a name, a store's answer none."""
    no_credentials = type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError")
    return no_credentials or (isinstance(error, PermissionError) and error.filename is None)


def _said(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
