"""Dates as pages and servers write them, in one form.

Laws: RFC 3339 in UTC, or a date alone where no zone is told; what cannot be read exactly is not guessed at.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*(Z|[+-]\d\d:?\d\d)?)?\s*$", re.IGNORECASE
)
LONGEST: Final = 60


def to_instant(text: str) -> str:
    """Return the instant or the date that *text* tells, in ISO 8601 or as HTTP writes it; "" for none."""
    return _read(text.strip()[:LONGEST])


@lru_cache(maxsize=256)  # the files of a site were often made at one moment
def _read(text: str) -> str:
    iso = ISO.match(text)
    try:
        if iso is None:
            return _format(_parse_http(text))
        day, time, second, zone = iso.groups()
        if time is None or zone is None:
            return datetime.fromisoformat(day).date().isoformat()
        zone = "+00:00" if zone in "Zz" else f"{zone[:3]}:{zone[-2:]}"
        return _format(datetime.fromisoformat(f"{day}T{time}:{second or '00'}{zone}"))
    except (ValueError, OverflowError):
        return ""


def _format(instant: datetime) -> str:
    if instant.tzinfo is None:  # a zone that HTTP calls unknown
        return instant.date().isoformat()
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_http(text: str) -> datetime:
    """Read a date as HTTP and mail write it; raises `ValueError`."""
    if "," not in text or ":" not in text:
        raise ValueError(text)
    from email.utils import parsedate_to_datetime  # few pages need it, and it brings much along

    return parsedate_to_datetime(text)
