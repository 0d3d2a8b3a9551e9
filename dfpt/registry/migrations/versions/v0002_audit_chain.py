"""The log becomes a chain; votes, rollbacks and the marks of a decision.

The old log's lines are taken over, unchanged in what they say, behind a record that marks them: until there, nothing
but the database itself vouched for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from dfpt.registry import canonical, signing
from dfpt.registry.head import signed_content

revision = "0002"
down_revision = "0001"

_APPEND_ONLY = "the log is append-only"


def upgrade() -> None:
    for column in ("requested_account", "trained_by"):
        op.add_column("requests", sa.Column(column, sa.String))
    for column in ("emergency", "automatic"):
        op.add_column("requests", sa.Column(column, sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("requests.id"), nullable=False, index=True),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.UniqueConstraint("request_id", "person"),
    )
    op.create_table(
        "rollbacks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("from_version", sa.Integer),
        sa.Column("to_version", sa.Integer, nullable=False),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("requests.id"), nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )
    audit = op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False, index=True),
        sa.Column("name", sa.String, index=True),
        sa.Column("version", sa.Integer),
        sa.Column("request_id", sa.Integer, index=True),
        sa.Column("before", sa.String),
        sa.Column("after", sa.String),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("weights_sha256", sa.String),
        sa.Column("artifact_sha256", sa.String),
        sa.Column("details", sa.String, nullable=False),
        sa.Column("previous_hash", sa.String, nullable=False, unique=True),
        sa.Column("hash", sa.String, nullable=False, unique=True),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("signature", sa.String, nullable=False),
        sa.CheckConstraint("id = 1"),
    )
    records = list(_chained(_taken_over()))
    if records:
        op.bulk_insert(audit, [record | {"details": canonical.encode(record["details"])} for record in records])
    op.bulk_insert(head, [{"id": 1} | _head(records)])
    op.drop_table("log")
    _protect()


def _taken_over() -> list[dict[str, Any]]:
    """The old log's lines as records, behind the one that marks them; none where there is no line."""
    lines = (
        op.get_bind()
        .execute(
            sa.text(
                "SELECT log.*, requests.artifact_sha256, requests.production_version "
                "FROM log JOIN requests ON requests.id = log.request_id ORDER BY log.id"
            ).columns(at=sa.DateTime)
        )
        .mappings()
        .all()
    )
    if not lines:
        return []
    marker = {
        "at": _iso(datetime.now(UTC)),
        "actor": "dfpt",
        "account": "",
        "origin": "",
        "action": "log taken over",
        "name": None,
        "version": None,
        "request_id": None,
        "before": None,
        "after": None,
        "reason": f"the next {len(lines)} records are the log from before there was a chain",
        "weights_sha256": None,
        "artifact_sha256": None,
        "details": {"records": len(lines)},
    }
    return [marker, *(_record(line) for line in lines)]


def _record(line: sa.RowMapping) -> dict[str, Any]:
    """A line of the old log. A line that moved nothing was a refusal."""
    moved = line["before"] != line["after"]
    details: dict[str, Any] = {"line": line["id"]}
    if moved and line["after"] == "promoted":
        details["production_version"] = line["production_version"]
    action = "refused" if not moved else "requested" if line["before"] is None else line["after"]
    same = ("actor", "account", "name", "version", "request_id", "before", "after", "reason")
    return {key: line[key] for key in (*same, "weights_sha256", "artifact_sha256")} | {
        "at": _iso(line["at"]),
        "origin": "",
        "action": action,
        "details": details,
    }


def _chained(records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    previous = canonical.GENESIS
    for seq, record in enumerate(records, start=1):
        linked = record | {"seq": seq, "previous_hash": previous}
        previous = canonical.record_hash(linked)
        yield linked | {"hash": previous}


def _head(records: list[dict[str, Any]]) -> dict[str, Any]:
    if not records:
        return {"count": 0, "hash": canonical.GENESIS, "key": "", "signature": ""}
    private = signing.key(op.get_context().config.attributes["home"])  # type: ignore[union-attr]
    count, last = len(records), records[-1]["hash"]
    return {
        "count": count,
        "hash": last,
        "key": signing.fingerprint(private.public_key()),
        "signature": private.sign(signed_content(count, last).encode()).hex(),
    }


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="microseconds")


def _protect() -> None:
    """Triggers: the log only grows, its head is never removed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$"
        )
        for table, deeds in (("audit", "UPDATE OR DELETE"), ("audit_head", "DELETE")):
            op.execute(
                f"CREATE TRIGGER {table}_rows BEFORE {deeds} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
            )
            op.execute(
                f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
            )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
    op.execute(f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {refuse}")
    op.execute(f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {refuse}")
    op.execute(f"CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head {refuse}")
    # INSERT OR REPLACE removes a row without asking the trigger on DELETE.
    op.execute(
        f"CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit "
        f"WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq OR hash = NEW.hash "
        f"OR previous_hash = NEW.previous_hash) {refuse}"
    )
    op.execute(
        f"CREATE TRIGGER audit_head_no_replace BEFORE INSERT ON audit_head "
        f"WHEN EXISTS (SELECT 1 FROM audit_head WHERE id = NEW.id) {refuse}"
    )
