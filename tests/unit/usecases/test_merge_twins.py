"""Which pages become another name of the page whose Markdown they are."""

from typing import Any

import pytest

from runnel.domain.payloads import StoredPage
from runnel.extraction.page import pack_markdown
from runnel.usecases import merge_twins as module
from runnel.usecases.merge_twins import merge_twins
from runnel.usecases.process_pages import page_key
from tests.support.homes import TENANT, ScriptedHome

_TEXT = "# {name}\n\nThe {name} of the greenhouse open in the morning and close when the wind rises.\n"


async def _merged(home: ScriptedHome, pages: dict[str, str | None], **aliases: tuple[str, ...]) -> dict[str, Any]:
    """By path: the aliases of the pages that are left; None for a page whose text has gone."""
    stored = {}
    for path, text in pages.items():
        name = text if text is not None else "gone"
        body = _TEXT.format(name=name).encode()
        stored[home.url(path)] = StoredPage(
            page_id=path, url=home.url(path), title=name, words=9, content_hash=name, body_hash=path, fetched_at="",
            aliases=tuple(map(home.url, aliases.get(path.strip("/"), ()))),
        )  # fmt: skip
        if text is not None:
            await home.outside.services.content.put(TENANT, page_key(name), pack_markdown(body))
    left = await merge_twins(home.outside.services, TENANT, stored)
    return {home.path_of(url): tuple(map(home.path_of, page.aliases)) for url, page in left.items()}


async def test_a_site_without_markdown_costs_nothing() -> None:
    """No text is read: most sites have no such address."""
    home = ScriptedHome({})
    before = len(home.outside.steps)

    assert await _merged(home, {"/a": None, "/b": None}) == {"/a": (), "/b": ()}
    assert not [step for step in home.outside.steps[before:] if step.startswith("content")]


async def test_the_same_text_is_one_page_and_another_is_not() -> None:
    """The address proposes, the text decides; an address without a page stays as well."""
    found = await _merged(
        ScriptedHome({}), {"/a": "vents", "/a.md": "vents", "/b": "doors", "/b.md": "heat", "/c.md": "c"}
    )

    assert found == {"/a": ("/a.md",), "/b": (), "/b.md": (), "/c.md": ()}


async def test_the_likeliest_page_with_the_text_takes_it() -> None:
    """Also under another of its names; the first that fits in the order of the addresses, not of arrival."""
    home = ScriptedHome({})
    several = await _merged(home, {"/a/": "vents", "/a.md": "vents", "/a.html": "vents", "/a": "doors"})
    named = await _merged(home, {"/new": "vents", "/old.md": "vents"}, new=("/old",))

    assert several == {"/a/": (), "/a.html": ("/a.md",), "/a": ()}
    assert named == {"/new": ("/old", "/old.md")}


async def test_a_page_whose_text_has_gone_is_no_twin() -> None:
    """What cannot be compared stays as it is."""
    found = await _merged(ScriptedHome({}), {"/a": None, "/a.md": "vents"})

    assert found == {"/a": (), "/a.md": ()}


async def test_many_pairs_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin whose candidates stand in two parts is given away once."""
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    pages: dict[str, str | None] = {f"/{n}{end}": f"vents{n}" for n in range(3) for end in ("", ".md", ".html")}
    found = await _merged(ScriptedHome({}), pages)

    assert found == {f"/{n}": (f"/{n}.md",) for n in range(3)} | {f"/{n}.html": () for n in range(3)}
