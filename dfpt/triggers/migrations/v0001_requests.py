"""What was seen, and what was asked for because of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "trigger_sightings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trigger", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.UniqueConstraint("trigger", "key"),
    )
    op.create_table(
        "retraining_requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trigger", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("filed_at", sa.DateTime, nullable=False, index=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("started_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("run_id", sa.String),
        sa.Column("exit_code", sa.Integer),
        sa.UniqueConstraint("trigger", "key"),
    )
