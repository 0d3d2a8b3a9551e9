"""From a record of the log to people: on SQLite and PostgreSQL, to real servers on loopback."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from dfpt.registry import audit, expiry, history, reconcile, requests, rollback
from dfpt.registry.actor import Actor
from dfpt.registry.database import Notification, Record, State
from dfpt.registry.errors import NotFound
from dfpt.registry.notifications import events, outbox, signature
from dfpt.registry.notifications.config import Notifications
from dfpt.registry.notifications.delivery import GIVEN_UP, Sent, deliver_due, pause
from dfpt.registry.policy_config import Policy
from dfpt.registry.store import Store

if TYPE_CHECKING:
    from tests.unit.registry.notifications.receivers import Hook, Post

pytest_plugins = ("tests.unit.registry.databases", "tests.unit.registry.notifications.receivers")

SECRET = "s3cret-of-the-hook"
ADA, BOB = Actor("ada", "a"), Actor("bob", "b")


def now(**later: float) -> datetime:
    return datetime.now(UTC) + timedelta(**later)


def ask(store: Store, version: int = 1) -> Any:
    return requests.file(store, "elpv", version, "w" * 64, "a" * 64, ADA)


def policy(hook: Hook, **more: Any) -> Policy:
    channel = {"kind": "webhook", "url": hook.url, "secret": {"env": "HOOK_SECRET"}}
    return Policy.model_validate({"notifications": {"channels": {"hook": channel | more.pop("channel", {})}} | more})


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


def test_the_actions_are_those_that_the_registry_writes_down() -> None:
    assert {action for action, event in events.ACTIONS.items() if event == events.Event.DECISION} == {
        requests.VOTED,
        *(State.APPROVED, State.REJECTED, State.WITHDRAWN),
    }
    assert set(events.ACTIONS) - {requests.VOTED, State.APPROVED, State.REJECTED, State.WITHDRAWN} == {
        *(requests.REQUESTED, requests.REFUSED, State.PROMOTED, State.EXPIRED, reconcile.RECONCILED),
        *(history.ROLLED_BACK, rollback.GIVEN_UP),
    }
    assert expiry.POLICY.name == "policy"


def test_a_record_and_its_notification_come_together_or_not_at_all(store: Store) -> None:
    def cut_off() -> None:
        with store.writing() as log:
            log.append(ADA, requests.REQUESTED, "filed", name="elpv")
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        cut_off()
    with store.reading() as session:
        assert session.scalars(select(Notification)).all() == []
    request = ask(store)
    requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "misses cracks")
    with store.reading() as session:
        told = session.scalars(select(Notification).order_by(Notification.id)).all()
        assert [(found.event, found.record) for found in told] == [("request", 1), ("decision", 2)]


def test_the_webhook_gets_the_facts_signed_and_only_once(store: Store, hook: Hook) -> None:
    ask(store)
    assert deliver_due(store, policy(hook, link="https://ops.example/"), now()) == Sent(delivered=1)
    assert deliver_due(store, policy(hook), now(days=1)) == Sent()
    ((path, headers, body),) = hook.seen
    facts = json.loads(body)
    assert (path, facts["event"], facts["model"], facts["actor"]) == ("/", "request", "elpv/1", "ada")
    assert facts["record"] == 1
    assert facts["text"] == "elpv/1 waits for approval, asked for by ada."
    assert facts["link"] == "https://ops.example/requests/1"
    assert headers["X-DFPT-Delivery"] == "1-hook"
    sent = headers[signature.TIMESTAMP], headers[signature.SIGNATURE]
    assert signature.verify(SECRET, body, *sent, now().timestamp())
    assert not signature.verify(SECRET, body + b" ", *sent, now().timestamp())
    assert not signature.verify("another", body, *sent, now().timestamp())
    assert not signature.verify(SECRET, body, *sent, now(minutes=6).timestamp())  # a replay
    assert not signature.verify(SECRET, body, str(int(sent[0]) + 1), sent[1], now().timestamp())
    assert not signature.verify(SECRET, body, "soon", sent[1], now().timestamp())


def test_a_channel_is_told_only_of_what_it_asks_for(store: Store, hook: Hook) -> None:
    request = ask(store)
    requests.transition(store, request, State.PENDING, State.EXPIRED, expiry.POLICY, "nobody decided within 30 days")
    assert deliver_due(store, policy(hook, channel={"events": ["expiry"]}), now()) == Sent(delivered=1)
    assert [json.loads(body)["event"] for _, _, body in hook.seen] == ["expiry"]


def test_what_does_not_arrive_waits_longer_each_time_and_then_is_given_up_with_a_record(
    store: Store, hook: Hook
) -> None:
    ask(store)
    rules = policy(hook, attempts=3, first_retry_seconds=10)
    hook.answers = [500, 503, 429]
    assert deliver_due(store, rules, now()) == Sent(postponed=1)
    assert deliver_due(store, rules, now(seconds=5)) == Sent()  # not yet
    assert deliver_due(store, rules, now(seconds=11)) == Sent(postponed=1)
    assert deliver_due(store, rules, now(seconds=22)) == Sent()  # the pause has doubled
    assert deliver_due(store, rules, now(seconds=60)) == Sent(given_up=1)
    assert deliver_due(store, rules, now(days=1)) == Sent()
    assert len(hook.seen) == 3
    with store.reading() as session:
        record = session.scalars(select(Record).order_by(Record.seq.desc())).first()
        assert record is not None
        assert (record.action, record.reason) == (GIVEN_UP, "It answered 429.")
        assert json.loads(record.details) == {"attempts": 3, "channel": "hook", "delivery": 1}
    assert audit.verify(store).intact

    outbox.retry(store, 1)
    assert deliver_due(store, rules, now(seconds=1)) == Sent(delivered=1)
    with pytest.raises(NotFound):
        outbox.retry(store, 1)


def test_the_pause_doubles_up_to_its_limit() -> None:
    rules = Notifications(first_retry_seconds=30, most_retry_seconds=600)
    assert [pause(rules, attempts).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 500)] == [
        *(30, 60, 120, 240, 480, 600, 600),
    ]


def test_a_redirect_is_not_followed(store: Store, hook: Hook) -> None:
    ask(store)
    hook.answers = [307]
    assert deliver_due(store, policy(hook), now()) == Sent(postponed=1)
    assert [path for path, _, _ in hook.seen] == ["/"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://10.0.0.7/hook", "without TLS"),
        ("http://metadata.internal/latest", "without TLS"),
        ("file:///etc/passwd", "no http or https URL"),
        ("ftp://127.0.0.1/x", "no http or https URL"),
        ("https://", "no http or https URL"),
        ("http://127.0.0.1:1/", "cannot be reached: ConnectionRefusedError"),
        ("http://[::1/", "no http or https URL"),
        ("http://127.0.0.1@evil.example/", "without TLS"),
    ],
)
def test_it_posts_nowhere_but_by_tls_or_to_this_machine(store: Store, hook: Hook, url: str, says: str) -> None:
    ask(store)
    assert deliver_due(store, policy(hook, channel={"url": url}), now()) == Sent(postponed=1)
    ((delivery, _),) = outbox.listed(store)
    assert says in str(delivery.last_error)
    assert hook.seen == []


def test_a_reason_cannot_call_a_channel_of_slack_and_the_url_stays_secret(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_URL", f"{hook.url}/services/T0/very-secret")
    rules = Policy.model_validate(
        {
            "notifications": {
                "language": "ja",
                "link": "https://ops.example",
                "channels": {"ops": {"kind": "slack", "url_from": {"env": "SLACK_URL"}, "events": ["decision"]}},
            }
        }
    )
    request = ask(store)
    hook.answers = [404]
    requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "<!channel> <https://evil|look> & {name}")
    assert deliver_due(store, rules, now()) == Sent(postponed=1)
    ((delivery, _),) = outbox.listed(store)
    assert delivery.last_error == "It answered 404."
    deliver_due(store, rules, now(hours=1))
    path, _, body = hook.seen[-1]
    assert path == "/services/T0/very-secret"
    assert json.loads(body)["text"] == (
        "bob が elpv/1 を却下しました。理由: &lt;!channel&gt; &lt;https://evil|look&gt; &amp; {name}"
        "\nhttps://ops.example/requests/1"
    )


def test_a_secret_that_is_not_set_is_said_and_tried_again(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(store)
    monkeypatch.delenv("HOOK_SECRET")
    assert deliver_due(store, policy(hook), now()) == Sent(postponed=1)
    ((delivery, _),) = outbox.listed(store)
    assert delivery.last_error == "There is no secret in the environment variable HOOK_SECRET."
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    assert deliver_due(store, policy(hook), now(hours=1)) == Sent(delivered=1)


def mail(post: Post, **more: Any) -> Policy:
    channel = {"kind": "email", "host": "127.0.0.1", "port": post.port, "ca_file": str(post.ca), "user": "dfpt"}
    channel |= {"sender": "dfpt@line.example", "to": ["bob@line.example"], "password": {"env": "MAIL_PASSWORD"}}
    return Policy.model_validate({"notifications": {"channels": {"mail": channel | more}}})


def test_mail_goes_by_tls_with_a_password_in_both_languages(
    store: Store, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "letmein")
    request = ask(store)
    requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "misses cracks\r\nBcc: all@line.example")
    assert deliver_due(store, mail(post), now()) == Sent(delivered=2)
    wanted, decided = post.letters
    assert (wanted["Subject"], wanted["To"]) == ("[dfpt] elpv/1: approval wanted", "bob@line.example")
    assert wanted.get_content().strip() == "elpv/1 waits for approval, asked for by ada."
    assert decided["Bcc"] is None
    assert wanted["Message-ID"] != decided["Message-ID"]
    assert post.logins[0] == ("dfpt", "letmein")
    ask(store, 2)
    assert deliver_due(store, mail(post, language="ja"), now()) == Sent(delivered=1)
    assert post.letters[-1]["Subject"] == "[dfpt] elpv/2: 承認依頼"
    assert "elpv/2 が承認待ちです。申請者: ada" in post.letters[-1].get_content()


def test_mail_is_not_handed_to_a_server_that_nobody_vouches_for_nor_with_a_wrong_password(
    store: Store, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    ask(store)
    assert deliver_due(store, mail(post, ca_file=None), now()) == Sent(postponed=1)
    assert "SSLCertVerificationError" in str(outbox.listed(store)[0][0].last_error)
    assert deliver_due(store, mail(post), now(hours=1)) == Sent(postponed=1)
    assert outbox.listed(store)[0][0].last_error == (
        "The mail server 127.0.0.1 did not take it: SMTPAuthenticationError 535."
    )
    assert post.letters == []


def test_a_delivery_that_another_worker_has_taken_is_left_to_it_until_its_time_is_over(
    store: Store, hook: Hook
) -> None:
    ask(store)
    rules = policy(hook)
    outbox.spread(store, rules.notifications, now())
    (identity,) = outbox.due(store, now())
    assert outbox.claim(store, identity, now()) is not None
    assert outbox.claim(store, identity, now()) is None
    assert deliver_due(store, rules, now()) == Sent()
    assert deliver_due(store, rules, now(minutes=3)) == Sent(delivered=1)  # that worker has died


def test_an_old_event_is_not_told_to_a_channel_that_is_new(store: Store, hook: Hook) -> None:
    ask(store)
    assert deliver_due(store, Policy(), now()) == Sent()
    assert deliver_due(store, policy(hook), now(hours=73)) == Sent()
    assert hook.seen == []


def test_a_channel_that_the_policy_has_no_more_is_given_up(store: Store, hook: Hook) -> None:
    ask(store)
    hook.answers = [500]
    deliver_due(store, policy(hook), now())
    other = Policy.model_validate(
        {
            "notifications": {
                "attempts": 2,
                "channels": {"new": {"kind": "webhook", "url": hook.url, "secret": {"env": "HOOK_SECRET"}}},
            }
        }
    )
    assert deliver_due(store, other, now(hours=1)) == Sent(given_up=1)


def test_a_damaged_log_is_told_once_a_day_and_what_is_given_up_then_adds_nothing_to_it(
    store: Store, hook: Hook
) -> None:
    ask(store)
    rules = policy(hook, attempts=1, channel={"events": ["tamper"]})
    assert deliver_due(store, rules, now()) == Sent()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE audit_head SET count = 5"))
    hook.answers = [500]
    assert deliver_due(store, rules, now()) == Sent(given_up=1)
    assert deliver_due(store, rules, now(hours=1)) == Sent()
    assert deliver_due(store, rules, now(hours=25)) == Sent(delivered=1)
    facts = json.loads(hook.seen[-1][2])
    assert (facts["event"], facts["record"]) == ("tamper", None)
    assert facts["text"].startswith("ALARM: the audit log is not intact.")


def test_a_finding_of_the_reconciler_is_an_alarm_and_its_absence_is_none(store: Store, hook: Hook) -> None:
    finding = {"kind": "alias moved", "name": "elpv", "what": "champion", "expected": "1", "found": "2"}
    with store.writing() as log:
        log.append(ADA, reconcile.RECONCILED, "production is as the log says", name="elpv", details={"findings": []})
        log.append(ADA, reconcile.RECONCILED, "alias moved: champion", name="elpv", details={"findings": [finding]})
    assert deliver_due(store, policy(hook), now()) == Sent(delivered=1)
    assert json.loads(hook.seen[0][2])["text"] == (
        "ALARM: production of elpv is not as the log says. alias moved: champion"
    )


def test_changed_files_are_an_alarm_and_another_refusal_is_none(store: Store, hook: Hook) -> None:
    request = ask(store)
    rules = policy(hook, channel={"events": ["tamper"]})
    requests.refused(store, request, BOB, "approval", "Only an approver may approve.")
    requests.refused(store, request, BOB, "approval", "The files have been changed.", tampered=True)
    assert deliver_due(store, rules, now()) == Sent(delivered=1)
    assert json.loads(hook.seen[0][2])["text"] == (
        "ALARM: elpv/1 is not as it was written down. approval refused: The files have been changed."
    )


def test_workers_that_go_at_once_tell_everything_once(store: Store, hook: Hook) -> None:
    for version in range(1, 6):
        ask(store, version)
    with ThreadPoolExecutor(4) as workers:
        rounds = list(workers.map(lambda _: deliver_due(store, policy(hook), now()), range(4)))
    deliver_due(store, policy(hook), now())  # what one spread after another had looked
    assert sum(sent.delivered for sent in rounds) <= 5
    assert sorted(headers["X-DFPT-Delivery"] for _, headers, _ in hook.seen) == [f"{n}-hook" for n in range(1, 6)]


def test_of_a_record_that_was_removed_its_absence_is_told(store: Store, hook: Hook) -> None:
    ask(store)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE notifications SET record = 7"))
    assert deliver_due(store, policy(hook), now()) == Sent(delivered=1)
    facts = json.loads(hook.seen[0][2])
    assert facts["text"] == "ALARM: the audit log is not intact. Record 7 is missing."
