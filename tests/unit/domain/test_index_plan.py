"""Which segment a page is in: one, the same while it does not change, and few small ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.index_plan import (
    MOST_PAGES,
    MOST_SMALL,
    MOST_WORDS,
    IndexPlan,
    decode_plan,
    encode_plan,
    plan_index,
    tell_index,
)
from runnel.domain.payloads import StoredPage

Contents = dict[int, int]


def pages(contents: Contents) -> list[StoredPage]:
    return [
        StoredPage(
            page_id=f"{number:032x}",
            url=f"https://d.example/{number}",
            title="",
            words=1,
            content_hash=str(content),
            body_hash="",
            fetched_at="",
        )
        for number, content in contents.items()
    ]


def then(plan: IndexPlan, before: Contents, after: Contents) -> IndexPlan:
    return plan_index("docs", plan, pages(before), pages(after))


def live(*steps: Contents) -> list[tuple[IndexPlan, str | None]]:
    """The plans of generations with these contents, and what is told of each."""
    plan, before = IndexPlan(), Contents()
    told: list[tuple[IndexPlan, str | None]] = []
    for after in steps:
        new = then(plan, before, after)
        told.append((new, tell_index(plan, pages(before), new, pages(after))))
        plan, before = new, after
    return told


_CONTENTS = st.dictionaries(st.integers(0, 40), st.integers(0, 3), max_size=30)


@given(st.lists(_CONTENTS, min_size=1, max_size=14))
def test_every_page_is_in_exactly_one_segment_that_was_made_of_it(steps: list[Contents]) -> None:
    """Whatever the library went through: found once, as it is now, and by a name that says so."""
    made: dict[str, dict[str, str]] = {}
    for contents, (plan, _) in zip(steps, live(*steps), strict=True):
        listed = [page_id for segment in plan.segments for page_id in segment.pages]
        now = {page.page_id: page.content_hash for page in pages(contents)}
        for segment in plan.segments:
            made.setdefault(segment.key, {page_id: now[page_id] for page_id in segment.pages})

        assert sorted(listed) == sorted(now)
        assert all(made[one.key][page_id] == now[page_id] for one in plan.segments for page_id in one.pages)
        assert sum(segment.is_small for segment in plan.segments) < MOST_SMALL + 1
        assert not any(segment.is_worn for segment in plan.segments)
        assert decode_plan(encode_plan(plan)) == plan


def test_an_unchanged_page_is_not_indexed_again() -> None:
    """Only what is new or changed makes a segment; what has gone is shown no more."""
    first = dict.fromkeys(range(10), 0)
    (one, _), (two, _) = live(first, {**first, 3: 1, 99: 0})

    assert two.segments[0].key == one.segments[0].key
    assert len(two.segments[0].pages) == 9
    assert [page_id[-2:] for page_id in two.segments[1].pages] == ["03", "63"]


def test_a_large_library_has_several_segments() -> None:
    """None is larger than one process likes to make in one piece."""
    ((plan, _),) = live(dict.fromkeys(range(2 * MOST_PAGES + 1), 0))

    assert [len(segment.pages) for segment in plan.segments] == [MOST_PAGES, MOST_PAGES, 1]


def test_pages_of_many_words_make_smaller_segments() -> None:
    """One segment is made in memory, in a moment of a small function's time; few of its pages do not make it small."""
    long = [page.model_copy(update={"words": 1 + MOST_WORDS // 3}) for page in pages(dict.fromkeys(range(7), 0))]
    plan = plan_index("docs", IndexPlan(), [], long)

    assert [(len(one.pages), one.words, one.is_small) for one in plan.segments] == [
        (3, 3 * (1 + MOST_WORDS // 3), False), (3, 3 * (1 + MOST_WORDS // 3), False), (1, 1 + MOST_WORDS // 3, False),
    ]  # fmt: skip
    assert decode_plan(b'{"segments": [{"key": "k", "made_of": 2, "pages": ["a"]}]}').segments[0].is_small


def test_small_segments_are_merged_and_worn_ones_made_anew() -> None:
    """A search reads all of them, and what has gone costs it too."""
    first = dict.fromkeys(range(1000), 0)
    steps = [first] + [{**first, **{1_000 + n: 0 for n in range(more)}} for more in range(1, MOST_SMALL + 1)]
    plans = live(*steps)
    (_, _), (worn, told) = live(first, dict.fromkeys(range(400), 0))

    assert [len(plan.segments) for plan, _ in plans] == [*range(1, MOST_SMALL + 1), 2]
    assert [told for _, told in plans] == ["index.rebuilt", *[None] * (MOST_SMALL - 1), "index.optimized"]
    assert [len(segment.pages) for segment in worn.segments] == [400]
    assert (worn.segments[0].made_of, told) == (400, "index.optimized")


def test_what_is_told_is_a_function_of_two_generations() -> None:
    """All new: rebuilt; pages moved: optimized; a page more: nothing."""
    base, other = {1: 0, 2: 0, 3: 0}, {1: 1, 2: 1, 3: 1}

    assert [told for _, told in live(base, base, {**base, 4: 0}, other, {})] == [
        "index.rebuilt", None, None, "index.rebuilt", None,
    ]  # fmt: skip


def test_a_lost_list_makes_everything_anew() -> None:
    """Equal pages have equal keys, so nothing of it need be made again."""
    ((plan, _),) = live({1: 0, 2: 0})
    again = then(IndexPlan(), {1: 0, 2: 0}, {1: 0, 2: 0})

    assert again == plan


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"segments": [1]}', b'{"segments": [{"key": "k"}]}'])
def test_a_damaged_list_is_said(body: bytes) -> None:
    """Never half a list."""
    with pytest.raises(ValueError, match=r"list|Expecting"):
        decode_plan(body)


def test_the_name_of_a_segment_names_its_pages() -> None:
    """Another library, another page or another text: another name."""

    def key(library: str, contents: Any) -> str:
        return plan_index(library, IndexPlan(), [], pages(contents)).segments[0].key

    assert len({key("a", {1: 0}), key("b", {1: 0}), key("a", {2: 0}), key("a", {1: 1}), key("a", {1: 0, 2: 0})}) == 5
    assert key("a", {1: 0}) == key("a", {1: 0})
