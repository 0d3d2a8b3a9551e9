from __future__ import annotations

import pytest

from dfpt.datasets import elpv
from dfpt.licences import TRAINED_HERE, kind
from dfpt.models.packaged import PACKAGES


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", "commercial"),
        ("Apache-2.0", "commercial"),
        ("CC-BY-4.0", "commercial"),
        (TRAINED_HERE, "commercial"),
        ("CC-BY-NC-SA-4.0", "non_commercial"),
        ("CC-BY-NC-4.0", "non_commercial"),
        ("PolyForm-Noncommercial-1.0.0", "unknown"),  # not written as SPDX's other ones: a person looks
        ("CC-BY-NC-SA-4.0 AND Apache-2.0", "non_commercial"),
        ("(MIT OR Apache-2.0)", "commercial"),
        ("MIT AND Foo-1.0", "unknown"),
        ("CC-BY-NC-4.0 AND Foo-1.0", "unknown"),
        ("LicenseRef-Acme", "unknown"),
        ("a sentence about money", "unknown"),
        ("unknown", "unknown"),
        ("", "unknown"),
        (" AND ", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_licence_has_the_severest_kind_of_its_parts(licence: str | None, expected: str) -> None:
    assert kind(licence) == expected


def test_the_policy_may_know_an_identifier_of_its_own() -> None:
    assert kind("LicenseRef-Acme AND MIT", ["LicenseRef-Acme"]) == "commercial"


def test_what_the_demonstration_reads_is_sorted_as_its_packages_state() -> None:
    assert kind(elpv.LICENCE) == "non_commercial"
    assert {kind(package.licence) for package in PACKAGES.values()} == {"commercial"}
