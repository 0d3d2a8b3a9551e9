"""Alembic scripts of the service's own tables; their chain is not the registry's, which knows nothing of a web."""
