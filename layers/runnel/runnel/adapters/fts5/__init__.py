"""Index segments as SQLite FTS5 files."""
