"""What fits into the answer of a function."""

import json

from runnel.usecases.answer_room import cut_text


def test_a_text_that_json_writes_longer_is_cut_shorter() -> None:
    """A file full of control characters is six times as long in JSON as it is."""
    short = cut_text(b"Disallow: /", 600)
    long = cut_text(b"\x01" * 1_000, 600)

    assert short == "Disallow: /"
    assert long == "\x01" * 100
    assert len(json.dumps(long)) <= 602
