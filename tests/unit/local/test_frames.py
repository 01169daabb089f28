"""Answers of a worker, cut from what arrives."""

import pytest

from runnel.errors import PageUnreadable
from runnel.extraction.reading import read_page
from runnel.local.frames import BUFFER_BYTES, AnswerBuffer, pack_error, pack_reading, pack_ready, unpack_reading


@pytest.mark.parametrize("piece", [1, 7, 1000, BUFFER_BYTES])
def test_answers_come_out_whole_however_they_arrive(piece: int) -> None:
    """A pipe keeps no borders: an answer comes in pieces, and pieces of several come at once."""
    pages = [
        f"<main>{n} {'x' * size}".encode()
        for n, size in enumerate([1, 5_000, 3 * BUFFER_BYTES if piece > 7 else 9, 20])
    ]
    readings = [read_page(page, url="https://h/") for page in pages]
    lies = [None, ("/a/1.warc", 0), ("/a/1.warc", 77), None]
    stream = (
        pack_ready(77)
        + b"".join(map(pack_reading, readings, lies))
        + pack_error(PageUnreadable("no", category="too_large"))
    )
    answers, taken = AnswerBuffer(), []
    while stream:
        room = answers.room()
        count = min(piece, len(room), len(stream))
        room[:count], stream = stream[:count], stream[count:]
        answers.received(count)
        while (parts := answers.take()) is not None:
            taken.append(parts)

    assert taken[0] == (b"77", b"", b"", b"")
    assert [unpack_reading(parts) for parts in taken[1:-1]] == list(zip(readings, lies, strict=True))
    with pytest.raises(PageUnreadable, match="no") as refused:
        unpack_reading(taken[-1])
    assert refused.value.category == "too_large"
