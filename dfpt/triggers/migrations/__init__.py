"""Alembic scripts of the triggers' tables, which lie in the registry's database."""
