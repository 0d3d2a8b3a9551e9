"""How the registry's tables came to be: Alembic's scripts, applied when a store is opened."""
