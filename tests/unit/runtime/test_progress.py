from __future__ import annotations

import pytest

from dfpt.runtime.progress import LINE, Progress, duration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_resumed_step_estimates_from_where_it_took_up_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("distil", clock=clock)
    progress.progress(50, 100, "epoch 50 of 100")
    clock.now = 10
    progress.progress(60, 100, "epoch 60 of 100")
    assert capsys.readouterr().out.splitlines() == [
        "[distil]  50%  epoch 50 of 100  (0 s)",
        "[distil]  60%  epoch 60 of 100  (10 s, about 40 s left)",
    ]


def test_each_part_of_the_work_is_estimated_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("tune-prompt", clock=clock)
    for now, done, total in ((0, 0, 2), (60, 2, 2), (60, 1, 100), (70, 51, 100)):
        clock.now = now
        progress.progress(done, total, "part")
    assert "about 10 s left" in capsys.readouterr().out.splitlines()[-1]


def test_many_reports_in_two_seconds_are_one_line_but_the_last_is_always_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    progress = Progress("prepare", clock=clock)
    for done in range(1, 1001):
        clock.now = done * 0.003
        progress.progress(done, 1000, "images")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "100%" in lines[-1]


def test_figures_go_on_under_their_names() -> None:
    seen: list[tuple[dict[str, float], int]] = []
    Progress("distil", lambda values, step: seen.append((dict(values), step))).metrics({"val_accuracy": 0.5}, 3)
    assert seen == [({"val_accuracy": 0.5}, 3)]


@pytest.mark.parametrize(
    ("line", "shown"), [("    [tune-prompt] x", "[tune-prompt] x"), ("[other] x", None), ("x", None)]
)
def test_a_runner_can_tell_progress_from_the_rest_of_a_log(line: str, shown: str | None) -> None:
    found = LINE.match(line)
    assert (found[1] if found else None) == shown


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (75, "1 min 15 s")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
