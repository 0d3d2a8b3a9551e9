from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dfpt.errors import UsageError
from dfpt.registry.notifications.config import Notifications, Secret
from dfpt.registry.notifications.events import ACTIONS
from dfpt.registry.notifications.messages import _TEXTS

ENV: Any = {"env": "X"}


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        ({"kind": "slack", "url": "https://hooks.example/secret"}, "needs url_from"),
        ({"kind": "slack", "url_from": ENV, "url": "https://x.example"}, "does not read url"),
        ({"kind": "webhook", "url": "https://x.example"}, "needs secret"),
        ({"kind": "webhook", "url": "https://x.example", "secret": "in the open"}, "Secret"),
        ({"kind": "webhook", "secret": ENV}, "either url or url_from"),
        ({"kind": "email", "host": "h", "sender": "a@b"}, "needs to"),
        ({"kind": "email", "host": "h", "sender": "a@b", "to": ["c@d"], "user": "u"}, "go together"),
        (
            {
                "kind": "email",
                "host": "h",
                "sender": "a@b",
                "to": ["c@d"],
                "user": "u",
                "password": ENV,
                "starttls": False,
            },
            "over starttls only",
        ),
        ({"kind": "email", "host": "h", "sender": "a@b", "to": ["c@d"], "url": "x"}, "does not read url"),
        ({"kind": "webhook", "url": "https://x.example", "secret": {"env": "DFPT_HOOK"}}, "begins with DFPT_"),
        ({"kind": "webhook", "url": "https://x.example", "secret": {"env": "A", "file": "b"}}, "either env or file"),
        ({"kind": "pigeon"}, "pigeon"),
        ({"kind": "slack", "url_from": ENV, "events": ["lunch"]}, "lunch"),
    ],
)
def test_a_channel_without_what_it_needs_or_with_what_it_does_not_read_is_refused(
    channel: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        Notifications.model_validate({"channels": {"c": channel}})


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("abc\n")
    assert Secret(file=str(tmp_path / "secret")).read() == "abc"
    with pytest.raises(UsageError, match="absent"):
        Secret(file=str(tmp_path / "absent")).read()


def test_everything_that_is_told_is_told_in_both_languages() -> None:
    assert set(_TEXTS) == {*ACTIONS, ""}
    for english, japanese in _TEXTS.values():
        assert english.isascii()
        assert any("\u3040" <= letter <= "\u30ff" for letter in japanese)
