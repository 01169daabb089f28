"""Typed values of the low-level API, one at a time: Python in, `{"S": ...}` out, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Item = dict[str, Any]
Key = dict[str, Any]


def text(value: str) -> dict[str, Any]:
    """A string attribute."""
    return {"S": value}


def number(value: float) -> dict[str, Any]:
    """A number attribute; a float keeps every digit."""
    return {"N": repr(value)}


def binary(value: bytes) -> dict[str, Any]:
    """A binary attribute."""
    return {"B": value}


def moment(value: datetime) -> dict[str, Any]:
    """An instant as text that sorts."""
    return text(value.astimezone(UTC).isoformat(timespec="microseconds"))


def epoch(value: datetime) -> dict[str, Any]:
    """An instant as the TTL attribute wants it."""
    return number(int(value.timestamp()))


def get_text(item: Mapping[str, Any], name: str) -> str | None:
    """The string, or None."""
    return item[name]["S"] if name in item else None


def get_int(item: Mapping[str, Any], name: str) -> int:
    """The whole number, or 0."""
    return int(item[name]["N"]) if name in item else 0


def get_float(item: Mapping[str, Any], name: str) -> float:
    """The number, or 0."""
    return float(item[name]["N"]) if name in item else 0.0


def get_moment(item: Mapping[str, Any], name: str) -> datetime | None:
    """The instant, or None."""
    return datetime.fromisoformat(item[name]["S"]) if name in item else None


def drop_absent(attributes: Mapping[str, dict[str, Any] | None]) -> Item:
    """The attributes that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}
