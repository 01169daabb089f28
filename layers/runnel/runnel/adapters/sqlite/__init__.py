"""The stores of a laptop: one SQLite file."""
