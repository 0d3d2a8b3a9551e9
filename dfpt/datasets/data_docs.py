"""Great Expectations' own pages of the outcomes (Data Docs): an extra, because they load their styles from outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfpt import files
from dfpt.datasets.asking import Outcome


def write(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """``TABLE.html`` for each table that was looked at."""
    from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier
    from great_expectations.core.expectation_validation_result import ExpectationValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    schema = ExpectationValidationResultSchema()
    for table in dict.fromkeys(outcome.check.table for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if outcome.check.table == table]
        passed = sum(outcome.passed for outcome in chosen)
        result = ExpectationSuiteValidationResult(
            success=passed == len(chosen),
            results=[schema.load(outcome.raw) for outcome in chosen],
            suite_name=table,
            statistics={
                "evaluated_expectations": len(chosen),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(chosen) - passed,
                "success_percent": 100 * passed / len(chosen),
            },
            meta={"run_id": RunIdentifier(run_name="dfpt"), "validation_time": "", "batch_markers": {}},
        )
        page = DefaultJinjaPageView().render(ValidationResultsPageRenderer(run_info_at_end=True).render(result))
        files.write_text(folder / f"{table}.html", page)
