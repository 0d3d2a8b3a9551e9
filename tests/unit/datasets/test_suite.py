from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from dfpt.config import Validation
from dfpt.datasets import asking, data_docs, suite
from dfpt.datasets.asking import Outcome
from dfpt.datasets.suite import Check
from dfpt.datasets.task import Task
from dfpt.errors import UsageError

TASK = Task("folder:/x", ("good", "bad"), None, (), 1, 32, None, "d" * 64)
TABLE = pd.DataFrame({"mean": [0.1, 0.5, 0.9], "like": [None, "c", None]}, index=["a", "b", "c"])


def checks(*items: dict[str, Any], **settings: Any) -> list[Check]:
    given = json.dumps({"name": "own", "expectations": items})
    return suite.checks(TASK, Validation(expectations=given, **settings))


def between(column: str = "mean", severity: str = "critical", **more: Any) -> dict[str, Any]:
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": column, "max_value": 0.6},
        "severity": severity,
        "meta": {"check": column, "trouble": "too bright", **more},
    }


def outcome(item: dict[str, Any]) -> Outcome:
    (found,) = asking.evaluate(checks(item), {"accepted": TABLE})
    return found


def test_the_default_suite_takes_its_figures_from_the_configuration() -> None:
    found = {check.name: check for check in suite.checks(TASK, Validation(max_rejected=0.02, min_per_class=7))}
    assert found["images per class"].arguments["min_value"] == 7
    assert found["images per class"].asks == "every class has at least 7 images in every split"
    assert found["readable images"].arguments["mostly"] == 0.98
    assert found["known labels"].arguments["value_set"] == ["good", "bad"]
    assert found["known labels"].remedy == "Correct these labels; the classes are good, bad."
    assert found["at least two classes"].trouble == "the data has 2 classes"
    assert list(found)[:2] == ["at least two classes", "readable images"]


def test_every_packaged_expectation_is_one_that_great_expectations_knows() -> None:
    for source in ("elpv", "folder:/x"):
        task = Task(source, ("good", "bad"), None, (), 1, 32, None, "d" * 64)
        for check in suite.checks(task, Validation()):
            assert asking._expectation(check).meta == {"check": check.name}


def test_a_failed_check_names_its_rows_and_where_it_says_so_their_values() -> None:
    found = outcome(between())
    assert (found.passed, found.rows, found.found) == (False, ("c",), "too bright: c")
    assert outcome(between(show="values")).found == "too bright: 0.9"
    like = {"type": "expect_column_values_to_be_null", "kwargs": {"column": "like"}}
    assert outcome(like | {"meta": {"check": "no twins", "show": "both"}}).found == "not so: no twins: b (c)"


def test_every_failed_row_has_its_value_however_many_there_are() -> None:
    """Great Expectations lists all rows, and the values of the first 200."""
    table = pd.DataFrame(
        {"mean": [0.7 + number / 10_000 for number in range(500)]}, index=[f"i{n}" for n in range(500)]
    )
    (found,) = asking.evaluate(checks(between(severity="warning")), {"accepted": table})
    assert len(found.rows) == 500
    assert found.values == tuple(f"{value:.3g}" for value in table["mean"])


def test_an_optional_check_of_what_is_not_there_is_left_out() -> None:
    assert asking.evaluate(checks(between("sharpness", optional=True)), {"accepted": TABLE}) == []
    assert asking.evaluate(checks(between(table="shares", optional=True)), {"accepted": TABLE}) == []


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (between("sharpness"), "'sharpness' of the suite cannot be asked: accepted has no column 'sharpness'"),
        (between(table="shares"), "'mean' is about shares, which is not there"),
        (between(severity="fatal"), "'mean' of the suite says 'fatal'"),
        (between(table="rows"), "'mean' of the suite says 'rows'"),
        (between() | {"type": "expect_beauty"}, "has the type 'expect_beauty', which Great Expectations lacks"),
        (between() | {"kwargs": {"column": "mean", "min_value": {"$PARAMETER": "x"}}}, "asks for the parameter 'x'"),
        (between() | {"kwargs": {"max_value": 1}}, "'mean' of the suite is not valid"),
    ],
)
def test_an_expectation_that_cannot_be_asked_is_named(item: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        outcome(item)


def test_the_severity_is_one_of_great_expectations_own() -> None:
    severities = [outcome(between(severity=name)).raw for name in ("critical", "quarantine", "warning")]
    assert [raw["expectation_config"]["severity"] for raw in severities] == ["critical", "warning", "info"]


def test_the_outcomes_become_great_expectations_own_pages(tmp_path: Any) -> None:
    data_docs.write(tmp_path, [outcome(between())])
    page = (tmp_path / "accepted.html").read_text()
    assert "Failed" in page
    assert "mean" in page
