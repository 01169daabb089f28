"""Where a reader of all jobs stands, as the id of an event: enough to go on exactly, and short (ADR 0025).

`all.<since>.<age>.<tag><seq>.<tag><seq>.<tag>`: numbers in base 62, a tag of six letters for each job, and after it the
last sequence number that the reader has; a tag alone is a job whose end the reader has. `age` is how much older than
`since` the oldest job with a number is.

Laws (tests/unit/streaming/test_places.py):
1. Letters, digits and dots only; with ten jobs under 128 bytes: a cross-origin reconnect needs no preflight.
2. What was encoded is parsed to the same; any other text is no place at all.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_TAG_LETTERS: Final = 6
# Seconds have at most six digits, sequence numbers at most nine: no store counts further.
_PLACES: Final = re.compile(r"all\.([0-9A-Za-z]{1,6})\.([0-9A-Za-z]{1,6})((?:\.[0-9A-Za-z]{6,15})*)", re.ASCII)
#: A header may not be longer in most servers.
_MOST_CHARACTERS: Final = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a reader of all jobs has seen."""

    #: Jobs made before this second (since 1970, UTC) and not named here have nothing more to show.
    since_s: int
    #: No job that is named with a number was made before this second.
    oldest_s: int
    #: By tag: the last sequence number that the reader has; None = it has the job's end.
    seen: Mapping[str, int | None]


def tag_of(job_id: str) -> str:
    """Six letters for a job: one pair of jobs in 57 thousand million shares them."""
    number = int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8])
    return _encode(number % 62**_TAG_LETTERS).rjust(_TAG_LETTERS, "0")


def place_of(tag: str, seq: int | None) -> str:
    """One job's part of an id, with the dot before it."""
    return f".{tag}" if seq is None else f".{tag}{_encode(seq)}"


def encode_places(since_s: int, oldest_s: int, places: Iterable[str]) -> str:
    """The id of all these parts (`place_of`)."""
    return f"all.{_encode(since_s)}.{_encode(max(0, since_s - oldest_s))}{''.join(places)}"


def parse_places(text: str) -> Places | None:
    """What an id says; None when it is none of ours."""
    found = _PLACES.fullmatch(text) if len(text) <= _MOST_CHARACTERS else None
    if found is None:
        return None
    since_s = _decode(found[1])
    parts = found[3].split(".")[1:]
    seen = {part[:_TAG_LETTERS]: _decode(part[_TAG_LETTERS:]) if part[_TAG_LETTERS:] else None for part in parts}
    return Places(since_s=since_s, oldest_s=max(0, since_s - _decode(found[2])), seen=seen)


def _encode(number: int) -> str:
    digits = _DIGITS[number % 62]
    while number := number // 62:
        digits = _DIGITS[number % 62] + digits
    return digits


def _decode(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + _VALUES[digit]
    return number
