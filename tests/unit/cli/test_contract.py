"""What every command owes whoever types it: help, an example, --json where it reads, --dry-run where it writes.

A command that is not in the table fails: decide what it is, and write that down here.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from click import Command, Context

from dfpt.cli.examples import EXAMPLES
from dfpt.cli.main import app

READS = """
    doctor
    model list, model show, model history
    approvals user list, approvals token list
    audit verify, audit export, audit key
    notifications list
    data validate, data drift, data versions, data quarantine list
    pipeline status, pipeline logs
    schedule check, schedule diff, schedule list
    triggers list
"""
WRITES = """
    model sweep, model request, model approve, model reject, model withdraw, model rollback, model shadow
    approvals user add, approvals user link, approvals user disable, approvals user enable
    approvals token create, approvals token revoke
    audit reconcile
    notifications send, notifications retry
    data fetch, data profile, data add, data pin, data push, data pull, data quarantine release
    pipeline compile, pipeline submit
    schedule apply, schedule pause, schedule resume, schedule trigger
    triggers poll
"""
# They compute for minutes and keep what they have found; what they found is the only news. All but step have --json:
# what a step gives is in the files that its caller names.
COMPUTES = """
    run, step, model robustness
    bench distill, bench seeds, bench throughput, bench ingest, bench drift, bench approvals
"""
# Until Ctrl-C.
SERVES = "up, approvals serve, schedule serve, triggers serve"


def table(text: str) -> set[str]:
    return {" ".join(name.split()) for name in text.replace("\n", ",").split(",") if name.strip()}


def tree(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Command]]:
    for name, found in command.commands.items():
        if hasattr(found, "commands"):
            yield from tree(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


ROOT: Any = typer.main.get_command(app)
COMMANDS = dict(tree(ROOT))
KINDS = {name: kind for kind in (READS, WRITES, COMPUTES, SERVES) for name in table(kind)}


def options(command: Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_is_in_the_table_once() -> None:
    assert COMMANDS.keys() == KINDS.keys()
    assert len(KINDS) == sum(len(table(kind)) for kind in (READS, WRITES, COMPUTES, SERVES))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_keeps_the_contract_of_its_kind(name: str) -> None:
    kind, found = KINDS[name], options(COMMANDS[name])
    assert ("--json" in found) == (kind in (READS, WRITES, COMPUTES) and name != "step")
    assert ("--dry-run" in found) == (kind is WRITES)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_its_options_and_its_groups_are_explained(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").split("\n\n")[0].rstrip().endswith("."), "the first paragraph of the docstring"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"
    group, words = ROOT, name.split()[:-1]
    for word in words:
        group = group.commands[word]
        assert group.help, f"the group {word} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_ends_with_examples_that_the_command_understands(name: str) -> None:
    for line in EXAMPLES[name]:
        assert line in (COMMANDS[name].epilog or "")
        program, *words = shlex.split(line)
        assert program == "dfpt"
        command: Any = ROOT
        context = Context(command, info_name="dfpt")
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
            context = Context(command, parent=context, info_name="dfpt")
        assert command is COMMANDS[name]
        command.make_context(command.name, words, parent=context)  # raises what would be wrong usage


def test_no_example_is_of_a_command_that_is_gone() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", [name for name in COMMANDS if KINDS[name] is WRITES])
def test_a_dry_run_is_off_unless_it_is_asked_for(name: str) -> None:
    (found,) = (parameter for parameter in COMMANDS[name].params if "--dry-run" in parameter.opts)
    assert found.default is False


HEAVY = [
    "alembic",
    "dvc",
    "fastapi",
    "great_expectations",
    "kfp",
    "kubernetes",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "sqlalchemy",
    "torch",
    "yaml",
]


def test_the_command_line_imports_nothing_heavy_before_a_command_runs() -> None:
    look = f"import dfpt.cli.main, sys; print(*{HEAVY!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
