"""What Alembic runs: the scripts of a chain on the connection that :mod:`dfpt.registry.upgrade` hands over."""

from __future__ import annotations

from alembic import context

# The caller has begun a transaction, and ends it: all of an upgrade or nothing, on SQLite too.
given = context.config.attributes
context.configure(connection=given["connection"], version_table=given["table"])
with context.begin_transaction():
    context.run_migrations()
