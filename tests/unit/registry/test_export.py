"""The log for others: checked without this program, in a spreadsheet, in its canonical form."""

from __future__ import annotations

import hashlib
import json

import pytest

from dfpt.registry import audit, canonical, export, requests
from dfpt.registry.store import Store
from tests.unit.registry.logs import ADA, five_records

pytest_plugins = "tests.unit.registry.databases"


def test_the_export_can_be_verified_without_this_program(store: Store) -> None:
    five_records(store)

    lines = list(export.json_lines(store))

    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        digest = record.pop("hash")
        written = json.dumps(record, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(written.encode()).hexdigest() == digest
        assert (record["seq"], record["previous_hash"]) == (number, previous)
        previous = digest
    assert previous == audit.verify(store).head


def test_csv_has_a_title_line_and_no_formulas(store: Store) -> None:
    import csv

    requests.file(store, "elpv", 1, "w1", "a1", ADA, reason='=HYPERLINK("http://example.org")\nsecond line, "quoted"')

    titles, record = csv.reader("".join(export.csv_lines(store)).splitlines(keepends=True))

    found = dict(zip(titles, record, strict=True))
    assert found["reason"] == '\'=HYPERLINK("http://example.org")\nsecond line, "quoted"'
    assert (found["seq"], found["actor"], found["origin"]) == ("1", "ada", "10.0.0.7")


@pytest.mark.parametrize("value", [0.5, {"a": [1.0]}, {1: "a"}])
def test_what_languages_write_differently_is_no_record(value: object) -> None:
    with pytest.raises(TypeError):
        canonical.encode(value)


def test_the_canonical_form_is_what_it_has_always_been() -> None:
    record = {"b": "Ärger \U0001f600", "a": None, "hash": "ignored", "c": {"y": [1, True], "x": ""}}

    assert canonical.encode(record["c"]) == '{"x":"","y":[1,true]}'
    assert (
        canonical.record_hash(record)
        == hashlib.sha256(b'{"a":null,"b":"\\u00c4rger \\ud83d\\ude00","c":{"x":"","y":[1,true]}}').hexdigest()
    )
