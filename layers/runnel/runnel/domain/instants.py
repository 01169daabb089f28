"""Instants as text: one form for events, lists and files."""

from datetime import UTC, datetime


def format_time(instant: datetime) -> str:
    """An instant as RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
