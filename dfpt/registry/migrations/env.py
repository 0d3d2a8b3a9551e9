"""What Alembic runs: the scripts of ``versions`` on the connection that :mod:`dfpt.registry.upgrade` hands over."""

from __future__ import annotations

from alembic import context

# The caller has begun a transaction, and ends it: all of an upgrade or nothing, on SQLite too.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
