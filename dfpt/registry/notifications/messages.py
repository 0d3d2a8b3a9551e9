"""What people are told, in English and in Japanese. One sentence; the names and reasons in it are others' text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfpt.registry.database import Notification, Record
from dfpt.registry.notifications.config import Language
from dfpt.registry.notifications.events import Event

_TEXTS: Mapping[str, tuple[str, str]] = {  # by action: English, Japanese
    "requested": (
        "{model} waits for approval, asked for by {actor}.",
        "{model} が承認待ちです。申請者: {actor}",
    ),
    "vote": (
        "{actor} approved {model}; it waits for another person. Reason: {reason}",
        "{actor} が {model} を承認しました。もう一人の承認待ちです。理由: {reason}",
    ),
    "approved": ("{actor} approved {model}. Reason: {reason}", "{actor} が {model} を承認しました。理由: {reason}"),
    "rejected": ("{actor} rejected {model}. Reason: {reason}", "{actor} が {model} を却下しました。理由: {reason}"),
    "withdrawn": (
        "{actor} withdrew the request for {model}. Reason: {reason}",
        "{actor} が {model} の申請を取り下げました。理由: {reason}",
    ),
    "promoted": (
        "{model} is in production as {name}-production/{production_version}.",
        "{model} が {name}-production/{production_version} として本番になりました。",
    ),
    "rolled back": (
        "{name} was rolled back to production version {production_version} by {decided_by}. Reason: {reason}",
        "{decided_by} が {name} を本番バージョン {production_version} に戻しました（ロールバック）。理由: {reason}",
    ),
    "rollback given up": (
        "The rollback of {name} could not be finished. {reason}",
        "{name} のロールバックを完了できませんでした。{reason}",
    ),
    "reconciled": (
        "ALARM: production of {name} is not as the log says. {reason}",
        "【警告】{name} の本番が記録と一致しません。{reason}",
    ),
    "refused": (
        "ALARM: {model} is not as it was written down. {reason}",
        "【警告】{model} が記録と一致しません。{reason}",
    ),
    "expired": (
        "The request for {model} has expired: {reason}.",
        "{model} の申請は期限切れになりました（{reason}）。",
    ),
    "": ("ALARM: the audit log is not intact. {reason}", "【警告】監査ログが改ざんされた可能性があります。{reason}"),
}
_SUBJECTS: Mapping[Event, tuple[str, str]] = {
    Event.REQUEST: ("approval wanted", "承認依頼"),
    Event.DECISION: ("decision", "決定"),
    Event.PROMOTION: ("in production", "本番反映"),
    Event.ROLLBACK: ("rollback", "ロールバック"),
    Event.TAMPER: ("ALARM", "警告"),
    Event.EXPIRY: ("expired", "期限切れ"),
}
_EMERGENCY = (" (rules were passed over in an emergency)", "（緊急: 規則を適用外にしました）")
_LANGUAGES = ("en", "ja")


@dataclass(frozen=True)
class Message:
    """One event in one language; ``facts`` are for programs."""

    event: Event
    subject: str
    text: str
    link: str | None
    facts: Mapping[str, Any]


def write(notification: Notification, record: Record | None, language: Language, link: str | None) -> Message:
    """What is said of an event.

    Args:
        record: of the log; None for an alarm about the log itself, or where it has been removed.
        link: of the approvals service.
    """
    event, number = Event(notification.event), _LANGUAGES.index(language)
    details: dict[str, Any] = {} if record is None else json.loads(record.details)
    model = None if record is None or record.version is None else f"{record.name}/{record.version}"
    words = {
        "model": model or (record.name if record else None),
        "name": record.name if record else None,
        "actor": record.actor if record else None,
        "reason": record.reason if record else notification.note or f"Record {notification.record} is missing.",
        "production_version": details.get("production_version"),
        "decided_by": details.get("decided_by", record.actor if record else None),
    }
    text = _TEXTS[record.action if record else ""][number].format_map(words)
    if details.get("emergency") is True:
        text += _EMERGENCY[number]
    subject = f"[dfpt] {words['model'] or 'dfpt'}: {_SUBJECTS[event][number]}"
    place = None if link is None else _place(link, record)
    facts = {
        "event": event.value,
        "notification": notification.id,
        "record": record.seq if record else None,
        "at": record.at if record else notification.at.isoformat(),
        "action": record.action if record else None,
        "model": words["model"],
        "actor": words["actor"],
        "reason": words["reason"],
        "before": record.before if record else None,
        "after": record.after if record else None,
        "weights_sha256": record.weights_sha256 if record else None,
        "text": text,
        "link": place,
    }
    return Message(event, subject, text, place, facts)


def _place(link: str, record: Record | None) -> str:
    base = link.rstrip("/")
    return base if record is None or record.request_id is None else f"{base}/requests/{record.request_id}"
