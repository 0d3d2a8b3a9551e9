"""``dfpt model robustness``: networks side by side under noise, blur, another light."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options

if TYPE_CHECKING:
    from pandas import DataFrame


def command(
    networks: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]WHICH ...",
            help="A run (its name or folder): its student, teacher and baseline; NAME/VERSION of the registry; "
            "or a folder with a model.json.",
        ),
    ],
    images: Annotated[
        int | None, typer.Option(min=1, help="So many test images, drawn evenly; else evaluation.robustness_images.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the page; else HOME/data/robustness.")] = None,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    assignments: options.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Compare networks on the same test images, corrupted in six ways at five strengths.

    Refused where one was not trained on the same data and split, and so may have learnt from the test images.
    """
    from dfpt import files
    from dfpt.cli.bar import bar
    from dfpt.config import resolve
    from dfpt.evaluation import side_by_side
    from dfpt.runtime import contestants

    home = options.use_home(home)
    out = out or home / "data" / "robustness"
    resolved = resolve(options.config_file(config), profile, assignments or [])
    contest = contestants.gather(networks, home)
    side_by_side.check(contest.networks, contest.images, lambda version: _manifest(home, version))
    most = images or resolved.evaluation.robustness_images or len(contest.images.rows("test"))
    with bar() as reporter:
        report = side_by_side.compare(
            contest.networks,
            contest.reference,
            contest.images,
            most,
            resolved.seed,
            lambda done, total: reporter.progress(done, total, "corruptions"),
        )
    files.write_json(out / "robustness.json", report)
    files.write_text(out / "robustness.html", side_by_side.page(report))
    if as_json:
        options.write_json(report | {"page": str(out / "robustness.html")})
    else:
        _show(report, out / "robustness.html")


def _manifest(home: Path, version: str) -> DataFrame | None:
    """Of a data version; None where ``home`` does not hold it."""
    from dfpt.datasets import manifest, versions
    from dfpt.errors import UsageError

    try:
        return manifest.read(versions.find(home, version))
    except UsageError:
        return None


def _show(report: dict[str, Any], page: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from dfpt import corruption

    suite, networks = report["suite"], report["networks"]
    table = Table(title="Accuracy under corruption", title_justify="left")
    table.add_column("corruption")
    table.add_column("strength", justify="right")
    for one in networks:
        table.add_column(one["name"], justify="right")
    table.add_row("none", "0", *(f"{suite['clean'][one['name']]:.1%}" for one in networks))
    for kind, strengths in suite["corrupted"].items():
        for strength in (1, 3, corruption.STRENGTHS[-1]):
            at = strengths[str(strength)]
            table.add_row(kind if strength == 1 else "", str(strength), *(f"{at[one['name']]:.1%}" for one in networks))
    table.add_section()
    table.add_row("mean of all", "", *(f"{suite['mean'][one['name']]:.1%}" for one in networks))
    console = Console(highlight=False)
    console.print(table)
    for one in networks:
        if moved := one["difference"]:
            console.print(
                f"{one['name']} less {report['reference']}, mean of all: {100 * moved['value']:+.1f} points "
                f"({100 * moved['low']:+.1f} to {100 * moved['high']:+.1f})"
            )
    counts = f"{suite['images']} of {report['test_images']} test images of {report['source']}"
    console.print(f"{counts}. Every strength and its interval: {page}", soft_wrap=True)
