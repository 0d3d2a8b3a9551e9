"""A suite asked of tables by Great Expectations, and what came out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from dfpt.datasets.suite import Check, Severity, Table
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

SHOWN = 3  # examples in a message
# Great Expectations has three severities, too, under other names.
_THEIRS: dict[Severity, str] = {"critical": "critical", "quarantine": "warning", "warning": "info"}


@dataclass(frozen=True)
class Outcome:
    """What became of a check.

    Attributes:
        rows: names of the rows that failed it, all of them.
        values: what stood there, one for each of ``rows``; empty where the expectation is not about single values.
        raw: Great Expectations' own result.
    """

    check: Check
    passed: bool
    rows: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def examples(self) -> list[str]:
        """Every failed row as it is spoken of."""
        if self.check.show == "values" and self.values:
            return [str(value) for value in dict.fromkeys(self.values)]
        if self.check.show == "both" and len(self.values) == len(self.rows):
            return [f"{row} ({value})" for row, value in zip(self.rows, self.values, strict=True)]
        return list(self.rows)

    @property
    def found(self) -> str:
        """What was found, for a person."""
        examples = self.examples
        if self.passed:
            return f"{len(examples)} within what is allowed" if examples else ""
        shown = ", ".join(examples[:SHOWN])
        more = f" and {len(examples) - SHOWN} more" if len(examples) > SHOWN else ""
        return self.check.trouble + (f": {shown}{more}" if shown else "")


def evaluate(wanted: Sequence[Check], frames: Mapping[Table, DataFrame]) -> list[Outcome]:
    """Run checks through Great Expectations, one validation for each table; outcomes come in the order of ``wanted``.

    A check that is optional is left out where its table or column is not there. The import takes seconds, which is why
    nothing else imports this library.

    Raises:
        UsageError: an expectation of a type that is not known, with arguments that it does not take, or about a
            column that the table lacks.
    """
    wanted = [check for check in wanted if not check.optional or _there(check, frames)]
    context = _context()  # first: it says that nothing is to be told to Great Expectations' makers
    import great_expectations as gx

    source = context.data_sources.add_or_update_pandas("dfpt")
    outcomes: dict[str, Outcome] = {}
    for table in dict.fromkeys(check.table for check in wanted):
        chosen = {check.name: check for check in wanted if check.table == table}
        if table not in frames:
            raise UsageError(f"The check {next(iter(chosen))!r} is about {table}, which is not there.", _OPTIONAL)
        suite = gx.ExpectationSuite(table)
        for check in chosen.values():
            suite.add_expectation(_expectation(check))
        batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        result = batch.get_batch({"dataframe": frames[table]}).validate(suite, result_format="COMPLETE")
        for item in result.to_json_dict()["results"]:
            name = item["expectation_config"]["meta"]["check"]
            outcomes[name] = _outcome(chosen[name], item, frames[table])
    return [outcomes[check.name] for check in wanted]


@cache
def _context() -> Any:
    """One for the process: each leaves a folder behind among the temporary files."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


_OPTIONAL = 'Correct it in the suite, or write "optional": true into its meta.'


def _there(check: Check, frames: Mapping[Table, DataFrame]) -> bool:
    return (
        check.table in frames and check.arguments.get("column", frames[check.table].columns[0]) in frames[check.table]
    )


def _expectation(check: Check) -> Any:
    import great_expectations as gx

    kind = getattr(gx.expectations, "".join(word.capitalize() for word in check.kind.split("_")), None)
    if kind is None or not check.kind.startswith("expect_"):
        raise UsageError(
            f"The check {check.name!r} has the type {check.kind!r}, which Great Expectations lacks.",
            "docs/data-quality.md names some; all are in the gallery of Great Expectations.",
        )
    try:
        return kind(**check.arguments, severity=_THEIRS[check.severity], meta={"check": check.name})
    except (TypeError, ValueError) as error:  # pydantic's is a ValueError
        said = str(error).splitlines()[-1].strip()
        raise UsageError(f"The check {check.name!r} of the suite is not valid: {said}.", "Correct it there.") from error


def _outcome(check: Check, item: dict[str, Any], frame: DataFrame) -> Outcome:
    for raised in _raised(item.get("exception_info") or {}):
        column = check.arguments.get("column")
        why = f"{check.table} has no column {column!r}" if column and column not in frame else raised
        raise UsageError(f"The check {check.name!r} of the suite cannot be asked: {why}.", _OPTIONAL)
    result = item["result"]
    rows = result.get("unexpected_index_list") or result.get("details", {}).get("mismatched", {}).get("missing") or []
    values = cast("list[Any]", result.get("unexpected_list") or [])
    if result.get("unexpected_index_list") and values and len(values) < len(rows):  # it lists the first 200 alone
        column = frame.loc[~frame.index.duplicated(), check.arguments["column"]]
        values = column.loc[rows].tolist()
    return Outcome(check, bool(item["success"]), tuple(map(str, rows)), tuple(map(_text, values)), item)


def _text(value: Any) -> Any:
    return f"{value:.3g}" if isinstance(value, float) else value


def _raised(info: Mapping[str, Any]) -> list[str]:
    """Messages of what was raised while asking; Great Expectations keeps them flat or by metric."""
    entries = [info] if "raised_exception" in info else [value for value in info.values() if isinstance(value, dict)]
    return [str(entry["exception_message"]) for entry in entries if entry.get("raised_exception")]
