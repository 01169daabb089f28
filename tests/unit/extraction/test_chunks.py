"""A page in pieces that a search can show and a model can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.extraction.chunks import FEWEST_WORDS, MOST_WORDS, Chunk, count_chunks, split_chunks
from runnel.extraction.page import Heading


def chunks_of(markdown: str, headings: tuple[Heading, ...] = ()) -> tuple[Chunk, ...]:
    found = split_chunks(markdown.encode(), headings)
    assert count_chunks(markdown.encode()) == len(found)
    return found


def text(chunk: Chunk) -> str:
    return chunk.markdown.decode()


def words(count: int, word: str = "water") -> str:
    return " ".join([word] * count)


def test_a_chunk_knows_the_way_to_it() -> None:
    """Without it "Options" could be anything's."""
    titles = ("# Pumps", "## `lift()` \\*x", "### Deep", "## Stop")
    markdown = "\n\n".join(f"{title}\n\n{words(90)}" for title in titles)
    outline = ((1, "Pumps", "pumps"), (2, "lift() *x", "lift"), (3, "Deep", ""), (2, "Stop", "stop"))

    assert [(chunk.path, chunk.anchor) for chunk in chunks_of(markdown, outline)] == [
        (("Pumps",), "pumps"),
        (("Pumps", "lift() *x"), "lift"),
        (("Pumps", "lift() *x", "Deep"), "lift"),
        (("Pumps", "Stop"), "stop"),
    ]


def test_long_sections_are_parted_between_blocks() -> None:
    """A model reads a few hundred words better than a chapter."""
    found = chunks_of("# A\n\n" + "\n\n".join(words(70) for _ in range(10)))

    assert [chunk.words for chunk in found] == [282, 280, 140]
    assert all(FEWEST_WORDS <= chunk.words <= MOST_WORDS for chunk in found)


def test_short_sections_are_joined() -> None:
    """A heading and a line are found by nobody."""
    found = chunks_of(f"# A\n\nx\n\n## B\n\n{words(30)}\n\n## C\n\n{words(60)}\n\n# D\n\n{words(5)}\n")

    assert [(chunk.path, chunk.words) for chunk in found] == [(("A",), 97), (("D",), 7)]


def test_code_is_never_split() -> None:
    """Half a program is none; blank lines and headings within are code."""
    code = "```py\n" + "\n\n".join(["# x", words(400)] * 2) + "\n```"
    found = chunks_of(f"# A\n\n{words(100)}\n\n{code}\n\n- item\n\n  ````\n\n  ```\n  ````\n")

    assert any(code in text(chunk) for chunk in found)
    assert "  ````\n\n  ```\n  ````" in text(found[-1])


def test_a_fence_that_nothing_ends_goes_on_to_the_end() -> None:
    """So renderers read it."""
    markdown = f"# A\n\nno ``` fence\n\n```py\na\n\n# b\n\n{words(400)}"

    assert [text(chunk) for chunk in chunks_of(markdown)] == [markdown]


def test_equal_pages_have_equal_chunks_whatever_their_anchors() -> None:
    """An index that is built again must not change."""
    markdown = f"# A\n\n{words(301)}\n\n{words(301)}"
    named, unnamed = chunks_of(markdown, ((1, "A", "a"),)), chunks_of(markdown)

    assert [chunk._replace(anchor="") for chunk in named] == list(unnamed)
    assert chunks_of("") == chunks_of("\n\n \n") == ()


def test_a_line_of_hashes_and_marks_is_read_in_no_time_and_leads_nowhere() -> None:
    """What a page says is hostile: the way to a chunk is bounded."""
    (chunk,) = chunks_of("# " + "[" * 500_000)

    assert [len(name) for name in chunk.path] == [998]
    assert chunks_of("####### seven")[0].path == chunks_of("#none")[0].path == ()
    assert chunks_of("# A \\# ##")[0].path == ("A #",)


@pytest.mark.parametrize(
    "code",
    [
        "```py\na\n\n# b\n```",
        "- ```\n  a\n\n# b\n  ```",
        "```a```\n\n# b\n```",
        "x\n> ````\n> ```\n\n# b\n````",
        "```\n`\n\n# b\n```\ny\n```\n\n# c\n```",
    ],
)
def test_headings_within_code_are_none(code: str) -> None:
    """Wherever the code stands."""
    assert [chunk.path for chunk in chunks_of(f"# A\n\n{code}\n\n{words(90)}\n\n# D")] == [("A",), ("D",)]


@given(st.lists(st.sampled_from(["# A", "## B", "### C", "x y", words(50), words(200), "```\na\n\nb\n```", "- i"])))
def test_every_block_comes_once_and_in_order(blocks: list[str]) -> None:
    """A search over the chunks is a search over the page."""
    found = chunks_of("\n\n".join(blocks))

    assert "\n\n".join(text(chunk) for chunk in found) == "\n\n".join(blocks)
