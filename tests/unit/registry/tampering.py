"""What somebody can do to the log who owns its database."""

from __future__ import annotations

from sqlalchemy import Engine


def tamper(engine: Engine, *statements: str) -> None:
    """Run statements past the triggers."""
    with engine.execution_options(dfpt_write=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            for table in ("audit", "audit_head"):
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for name in found.scalars().all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.exec_driver_sql(statement)
