"""The processor's result object: a summary for the driver, the pages for publishing."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.payloads import Heading, PageOutcome, ProcessResult, StoredPage
from runnel.domain.results import add_details, decode_pages, decode_summary, encode_result
from runnel.domain.verdicts import ErrorCategory, FetchError, RawRef

_TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


def _page(title: str, link: str = "https://a.example/x") -> StoredPage:
    return StoredPage(
        page_id="p", url="https://a.example/", title=title, description=title, words=3, content_hash="c", body_hash="b",
        fetched_at="2026-01-31T12:00:00.000Z", headings=(Heading(level=1, text=title, anchor="a"),), links=(link,),
        raw=RawRef(key="raw/1", offset=1, length_bytes=2), metadata={"k": title},
    )  # fmt: skip


@given(titles=st.lists(_TEXT, max_size=5))
def test_pages_come_back_whole_and_the_summary_slim(titles: list[str]) -> None:
    """The driver reads the first line only: it must not carry every link of every page."""
    good = tuple(PageOutcome(index=index, url="u", page=_page(title)) for index, title in enumerate(titles))
    bad = PageOutcome(index=9, url="v", error=FetchError(category=ErrorCategory.DECODE, message="no"))
    body = encode_result(ProcessResult(batch_id="1-1", part="all", outcomes=(*good, bad), puts=3))
    summary = decode_summary(body)

    heads = list(decode_pages(body, "batches/j/1-1/all.jsonl.gz"))
    whole = list(add_details(body, heads))

    assert [page.model_copy(update={"details": None}) for page in whole] == [outcome.page for outcome in good]
    assert [page.details for page in heads] == [("batches/j/1-1/all.jsonl.gz", line) for line in range(len(good))]
    assert all((page.links, page.headings, page.raw) == ((), (), None) for page in heads)
    assert [outcome.page.title for outcome in summary.outcomes if outcome.page] == titles
    assert all(outcome.page.links == () for outcome in summary.outcomes if outcome.page)
    assert summary.outcomes[-1] == bad
    assert (summary.batch_id, summary.part, summary.puts) == ("1-1", "all", 3)


def test_the_same_result_has_the_same_bytes() -> None:
    """A processor that runs twice writes the same object."""
    result = ProcessResult(batch_id="1-1", part="all", outcomes=(PageOutcome(index=0, url="u", page=_page("T")),))

    assert encode_result(result) == encode_result(result)


def test_a_result_without_pages_is_a_result() -> None:
    """A batch may lose every page."""
    assert list(decode_pages(encode_result(ProcessResult(batch_id="1-1", part="all", outcomes=())), "k")) == []


@given(cut=st.integers(min_value=0, max_value=400))
def test_a_result_that_is_cut_short_is_said(cut: int) -> None:
    """Half of an object is no smaller batch."""
    body = encode_result(
        ProcessResult(batch_id="1", part="all", outcomes=(PageOutcome(index=0, url="u", page=_page("T")),))
    )
    head = body[: min(cut, len(body) // 3)]

    with pytest.raises(zlib.error):
        list(decode_pages(head, "k"))


def test_details_of_another_object_are_left_out() -> None:
    """A page that points behind the end, or nowhere, has none."""
    body = encode_result(
        ProcessResult(batch_id="1", part="all", outcomes=(PageOutcome(index=0, url="u", page=_page("T")),))
    )
    (page,) = decode_pages(body, "k")
    behind, nowhere = (page.model_copy(update={"details": place}) for place in (("k", 7), None))

    assert list(add_details(body, [behind, nowhere])) == []
