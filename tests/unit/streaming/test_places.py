"""The id that says where a reader of all jobs stands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.streaming.places import Places, encode_places, parse_places, place_of, tag_of

_NOW_S = 1_900_000_000
_SEQS = st.none() | st.integers(0, 10**15)


@given(
    since_s=st.integers(0, 5 * 10**10),
    age_s=st.integers(0, 10**9),
    seen=st.dictionaries(st.text(min_size=1).map(tag_of), _SEQS, max_size=30),
)
def test_what_was_encoded_is_parsed_to_the_same(since_s: int, age_s: int, seen: dict[str, int | None]) -> None:
    """A reader's place survives the way through a browser."""
    oldest_s = max(0, since_s - age_s)
    text = encode_places(since_s, oldest_s, [place_of(tag, seq) for tag, seq in seen.items()])

    assert re.fullmatch(r"[A-Za-z0-9.]+", text)
    assert parse_places(text) == Places(since_s=since_s, oldest_s=oldest_s, seen=seen)


def test_ten_jobs_of_many_thousand_events_fit_into_a_header_that_needs_no_preflight() -> None:
    """Beyond 128 bytes a browser asks first before it comes back to another origin."""
    places = [place_of(tag_of(f"01jd{number:022}"), 99_999) for number in range(10)]

    assert len(encode_places(_NOW_S, _NOW_S - 604_800, places)) < 128


_ODD = (
    "", "all", "all.", "all.1", "all.1.", "all..1", "all.1.1.", "all.1.1.short", "all.1.1.tag-aa",
    "all.1.1.t\u00e4g123",
    "all.1.1.tagtag\n", "01jd0000000000000000000000.12", "all.1111111.1", "all.1.1.tagtag0123456789",
    "all.1.1" + ".tagtag" * 2_000,
)  # fmt: skip


@pytest.mark.parametrize("text", _ODD, ids=range(len(_ODD)))
def test_another_text_is_no_place(text: str) -> None:
    """A reader with none begins anew."""
    assert parse_places(text) is None


def test_tags_are_of_one_length_and_tell_jobs_apart() -> None:
    """A tag's length is how its number is found."""
    tags = {tag_of(f"job{number}") for number in range(20_000)}

    assert {len(tag) for tag in tags} == {6}
    assert len(tags) == 20_000
