"""What a manifest must be like to be trained on: a suite of expectations.

Great Expectations looks at columns, so what needs more (copies across splits, empty classes, outliers) is counted
first, in a helper column or table. The suite is a file (:mod:`dfpt.suite_file`); what a failed check does to the data
is its severity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any, Literal, get_args

from dfpt import suite_file
from dfpt.config import Validation
from dfpt.datasets.manifest import COLUMNS
from dfpt.datasets.task import Task
from dfpt.errors import UsageError

Severity = Literal["critical", "quarantine", "warning"]  # the data is refused, the rows are kept out, a person reads
Table = Literal["manifest", "accepted", "classes", "shares", "statistics"]
Show = Literal["rows", "values", "both"]


@dataclass(frozen=True)
class Check:
    """One expectation and how to speak of it.

    Attributes:
        asks: what must hold, as a phrase.
        trouble: what is said when it does not; examples are put after it.
        table: every row of the manifest, the accepted ones, one row for each class in each split, or what has changed
            since the version before.
        kind, arguments: Great Expectations' type and kwargs.
        optional: it is left out where its table or column is not there.
        show: what an example is: the row's name, its value, or both.
    """

    name: str
    severity: Severity
    table: Table
    asks: str
    trouble: str
    remedy: str
    kind: str
    arguments: dict[str, Any]
    optional: bool = False
    show: Show = "rows"


def checks(task: Task, config: Validation) -> list[Check]:
    """The suite for a task: the one of the configuration, else the packaged one of the source.

    The order is the suite's: the first critical check that fails is what the user is told.

    Raises:
        UsageError: the suite is not valid; the message names the check.
    """
    suite = _suite(task, config)
    parameters = {
        "classes": list(task.classes),
        "readable": round(1 - config.max_rejected, 9),
        "min_per_class": config.min_per_class,
    }
    words = {
        "class_count": f"{len(task.classes)} class{'' if len(task.classes) == 1 else 'es'}",
        "class_names": ", ".join(task.classes) or "none",
        "max_rejected": f"{config.max_rejected:.2%}",
        "min_per_class": str(config.min_per_class),
    }
    return [_check(item, parameters, words) for item in suite["expectations"]]


def name_of(config: Validation, task: Task) -> str:
    """The name of the suite that :func:`checks` are of."""
    return str(_suite(task, config)["name"])


def _suite(task: Task, config: Validation) -> dict[str, Any]:
    kind = task.source.partition(":")[0]
    given = config.expectations or suite_file.text(config.suite, task.source, kind)
    try:
        return suite_file.checked(json.loads(given), "validation.expectations")
    except ValueError as error:
        raise UsageError(f"validation.expectations is no JSON: {error}.", "Correct it in params.yaml.") from error


def _check(item: Mapping[str, Any], parameters: Mapping[str, Any], words: Mapping[str, str]) -> Check:
    meta, name = item["meta"], suite_file.check_of(item)
    severity, table, show = item.get("severity", "critical"), meta.get("table", "accepted"), meta.get("show", "rows")
    for found, allowed in ((severity, Severity), (table, Table), (show, Show)):
        if found not in get_args(allowed):
            raise UsageError(
                f"The check {name!r} of the suite says {found!r}.", f"Known are {', '.join(get_args(allowed))}."
            )
    asks = str(meta.get("asks", name))
    said = {
        key: Template(str(meta.get(key, default))).safe_substitute(words)
        for key, default in (("asks", asks), ("trouble", f"not so: {asks}"), ("remedy", ""))
    }
    arguments = {key: _value(name, value, parameters) for key, value in item["kwargs"].items()}
    kind, optional = str(item.get("type")), bool(meta.get("optional", False))
    return Check(name, severity, table, **said, kind=kind, arguments=arguments, optional=optional, show=show)


def _value(check: str, value: Any, parameters: Mapping[str, Any]) -> Any:
    """``{"$PARAMETER": "classes"}``, Great Expectations' way of leaving a value open, as that value."""
    if not isinstance(value, dict) or "$PARAMETER" not in value:
        return value
    if value["$PARAMETER"] not in parameters:
        raise UsageError(
            f"The check {check!r} of the suite asks for the parameter {value['$PARAMETER']!r}.",
            f"Known are {', '.join(parameters)}.",
        )
    return parameters[value["$PARAMETER"]]


def schema(task: Task) -> list[Check]:
    """Run first, and alone: no other check can run on a table that lacks a column."""
    return [
        Check(
            "columns", "critical", "manifest",
            "the manifest has every column", "the manifest lacks columns", "Run the step prepare again.",
            "expect_table_columns_to_match_set", {"column_set": [*COLUMNS, *task.slices], "exact_match": False},
        )
    ]  # fmt: skip
