from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from dfpt.config import Thresholds
from dfpt.evaluation import gate, page

VOID = {"meta", "br", "img"}


class Reader(HTMLParser):
    """Text, and what would be loaded from elsewhere; complains of tags that are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag in {"script", "link", "img", "iframe", "object"}:
            self.loads.append(tag)
        self.loads += [f"{key}={value}" for key, value in attrs if key in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A drawing's empty element."""

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def words(html: str) -> str:
    return " ".join(Reader(html).text.split())


def test_the_pages_need_nothing_from_outside(good_report: dict[str, Any]) -> None:
    decision = gate.decide(good_report, Thresholds(min_accuracy=0.5), None)
    for html in (page.evaluation(good_report), page.gate(decision, good_report)):
        assert Reader(html).loads == []
        assert not re.search(r"url\(|@import|https?:", html)


def test_the_evaluation_opens_with_its_verdict_and_shows_the_three_models(good_report: dict[str, Any]) -> None:
    text = words(page.evaluation(good_report))
    assert "The distilled student is better than the same network trained alone." in text[:200]
    assert "90.0 % of 200 test images" in text
    for figure in ("95.0 %", "80.0 %", "+10.0", "−5.0", "3,400,000", "21.00 ms", "wafer=mono", "mono-defect"):
        assert figure in text


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(-0.02, 0.05, "do not tell"), (-0.05, -0.01, "is worse"), (0.01, 0.05, "is better")]
)
def test_the_verdict_follows_the_interval(good_report: dict[str, Any], low: float, high: float, verdict: str) -> None:
    report = copy.deepcopy(good_report)
    report["comparisons"]["student-baseline"]["accuracy"].update(low=low, high=high)
    assert verdict in words(page.evaluation(report))


def test_a_task_without_positive_classes_and_slices_has_a_page(good_report: dict[str, Any]) -> None:
    report = copy.deepcopy(good_report) | {"positive": None, "slices": []}
    for model in report["models"].values():
        for figure in ("binary_accuracy", "defect_recall", "worst_slice"):
            del model[figure]
        model["slices"] = {}
    text = words(page.evaluation(report))
    assert "Defect" not in text
    assert "parts of the data" not in text


def test_a_refusal_says_so_first_and_gives_every_reason(good_report: dict[str, Any]) -> None:
    decision = gate.decide(good_report, Thresholds(min_accuracy=0.99, max_parameters=10, min_macro_f1=0.1), None)
    text = words(page.gate(decision, good_report))
    assert text.index("Refused") < text.index("The accuracy is 90.0 %") < text.index("The number of parameters")
    assert "≥ 99.0 %" in text
    assert "≤ 10" in text
    assert (text.count("✗ no"), text.count("✓ yes")) == (2, 2)


def test_a_pass_shows_the_comparison_with_the_champion(good_report: dict[str, Any]) -> None:
    champion = {"version": "7", "accuracy": 0.885, "difference": 0.015, "low": -0.004, "high": 0.034}
    text = words(page.gate(gate.decide(good_report, Thresholds(max_drop_against_champion=0.01), champion), good_report))
    assert "Passed" in text[:100]
    assert "version 7, is right on 88.5 %" in text
    assert "+1.5 points (95 % interval −0.4 to +3.4)" in text


@pytest.mark.parametrize("report", [{}, {"models": 3}, {"weights_sha256": "a" * 64, "error": "it is about other data"}])
def test_the_page_of_a_broken_report_gives_the_reasons_without_the_evidence(report: dict[str, Any]) -> None:
    decision = gate.decide(report, Thresholds(min_accuracy=0.5), {"version": "3", "error": "other classes"})
    text = words(page.gate(decision, report))
    assert "Refused" in text[:100]
    assert "cannot be trusted, so it is not shown" in text
    assert "It could not be compared: other classes." in text


def test_a_report_with_an_error_is_not_shown_even_if_it_is_whole(good_report: dict[str, Any]) -> None:
    report = {**good_report, "error": "it is about other data"}
    assert "Three models" not in page.gate(gate.decide(report, Thresholds(min_accuracy=0.5), None), report)


def test_names_from_the_data_are_escaped(good_report: dict[str, Any]) -> None:
    report = copy.deepcopy(good_report)
    report["classes"][0] = "<script>alert(1)</script>"
    assert "<script>" not in page.evaluation(report)


def test_the_plots_under_corruption_show_the_three_models_and_the_page_the_figures(good_report: dict[str, Any]) -> None:
    html = page.evaluation(good_report)
    assert html.count('aria-label="Accuracy under') == 6
    assert [len(re.findall(f'<polyline class="line-{number}"', html)) for number in (0, 1, 2, 3)] == [6, 0, 6, 6]
    assert "Accuracy under noise. Distilled student: 90.0 %, 84.0 %" in html
    text = words(html)
    for figure in ("100 of the test images", "Noise", "Contrast", "60.0 %", "Mean of all", "72.0 %"):
        assert figure in text
    assert "under noise" not in words(page.evaluation(good_report | {"robustness": None}))


def test_every_check_is_explained_beside_its_line_of_the_policy(good_report: dict[str, Any]) -> None:
    asked = Thresholds(min_slices={"wafer=mono": 0.5}, min_under_corruption={"worst@3": 0.9}, max_ece=0.2)
    text = words(page.gate(gate.decide(good_report, asked, None), good_report))
    assert "min_under_corruption.worst@3: 0.9" in text
    assert "The accuracy under the worst corruption of strength 3 is 72.0 %; at least 90.0 % is asked." in text
    assert "Whoever sorts by its confidence must be able to believe it." in text


def test_the_examples_are_on_the_page_with_both_answers(good_report: dict[str, Any]) -> None:
    shown = {
        "images": 200,
        "differing": 9,
        "differ": [
            {
                "id": "cell <7>",
                "label": "mono-defect",
                "candidate": {"called": "mono-sound", "confidence": 0.97},
                "champion": {"called": "mono-defect", "confidence": 0.61},
                "image": "data:image/png;base64,AAAA",
            }
        ],
        "confidently_wrong": [],
    }
    html = page.gate(gate.decide(good_report, Thresholds(min_accuracy=0.5), None), good_report, shown)
    assert Reader(html).loads == ["img", "src=data:image/png;base64,AAAA"]
    assert "differ on 9 of 200" in words(html)
    for told in ("cell <7>", "candidate: mono-sound (97.0 %)", "champion: mono-defect (61.0 %)"):
        assert told in words(html)
