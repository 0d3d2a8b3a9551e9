"""Alembic scripts of the schedules' own table."""
