"""The entry point of ``dfpt``: the commands, and how an error ends the process.

Every command's module imports only what its options need; the rest is imported inside the command, because
``dfpt --help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dfpt.cli import (
    approvals,
    audit,
    bench,
    data,
    doctor,
    examples,
    model,
    notifications,
    pipeline,
    run,
    schedule,
    step,
    triggers,
    up,
)

_TYPER_INTERRUPTED = 130

app = typer.Typer(
    name="dfpt",
    help="From inspection images to a small model that waits for a person's approval.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a gate said no, 4 waiting for approval.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("run")(run.command)
app.command("up")(up.command)
app.add_typer(model.app, name="model")
app.add_typer(approvals.app, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(notifications.app, name="notifications")
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(schedule.app, name="schedule")
app.add_typer(triggers.app, name="triggers")
app.command("step")(step.command)
app.command("doctor")(doctor.command)
examples.attach(app)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None: ...


def main() -> None:
    """Run the command line. Whatever goes wrong ends in one message and the exit code of design.md's table."""
    debug = bool(os.environ.get("DFPT_DEBUG"))
    if "--debug" in sys.argv:  # wherever it stands: it is typed after a command has failed
        sys.argv.remove("--debug")
        debug = True
    signal.signal(signal.SIGTERM, _terminate)
    atexit.register(gc.freeze)  # or Python looks for garbage in all that it has imported before it ends
    try:
        app()
    except Exception as error:
        sys.exit(_report(error, debug))
    except SystemExit as end:
        if end.code == _TYPER_INTERRUPTED:
            sys.exit(_report(KeyboardInterrupt(), debug))
        raise


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _report(error: BaseException, debug: bool) -> int:
    """Print ``error`` for a person; return the exit code."""
    from dfpt.runtime import trouble

    command = " ".join(["dfpt", *(word for word in sys.argv[1:2] if not word.startswith("-"))])
    explained = trouble.explain(error, command, Path(os.environ.get("DFPT_HOME") or "."))
    if debug:
        traceback.print_exception(error)
    print(explained, file=sys.stderr)
    return explained.exit_code


if __name__ == "__main__":
    main()
