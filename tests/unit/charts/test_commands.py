"""Every command that the chart runs, or tells a person to run, is one that dfpt has, with those options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click
import pytest
import typer

from charts import make
from dfpt.cli.main import app
from tests.unit.charts import policies
from tests.unit.charts.cases import CASES

pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
ROOT = typer.main.get_command(app)


def problems(words: list[str]) -> Iterator[str]:
    """What ``dfpt WORDS`` would be refused for."""
    command: Any = ROOT
    rest = list(words)
    while isinstance(command, click.Group) or hasattr(command, "commands"):
        name = rest.pop(0) if rest else ""
        if name not in command.commands:
            yield f"no command {name!r} in dfpt {' '.join(words)}"
            return
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    yield from (
        f"no option {word} of dfpt {' '.join(words)}" for word in rest if word.startswith("--") and word not in known
    )


def commands(case: str) -> set[tuple[str, ...]]:
    """Those of the containers, the shell's among them, and those of the notes."""
    rendered = make.render(CASES[case])
    notes = next(text for path, text in rendered.items() if path.endswith("NOTES.txt"))
    texts = [
        " ".join(one["command"]) for _, spec, _ in policies.pods(make.objects(rendered)) for one in spec["containers"]
    ]
    found = set()
    for text in [notes, *texts]:
        for line in re.findall(r"(?:^|;|-e?c)\s*dfpt ((?:[a-z]+ )+[^;\n>]*)", text, flags=re.MULTILINE):
            if " is in the namespace " not in line:
                found.add(tuple(line.replace('"', "").split()))
    return found


@pytest.mark.parametrize("case", ["kind", "onprem-complete", "cloud-complete", "schedules-with-settings"])
def test_dfpt_has_every_command_and_option(case: str) -> None:
    found = commands(case)
    assert ("pipeline", "submit", "--wait") in found
    assert any(words[:2] == ("approvals", "serve") for words in found)
    assert [problem for words in sorted(found) for problem in problems(list(words))] == []


def test_a_planted_fault_is_found() -> None:
    assert list(problems(["approvals", "serv"])) == ["no command 'serv' in dfpt approvals serv"]
    assert list(problems(["approvals", "serve", "--address", "x"])) != []
    assert list(problems(["audit", "reconcile", "--as", "x"])) == []
