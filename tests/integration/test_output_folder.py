"""The folder that a local crawl fills: whole files, ours alone, equal to the library in the end."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runnel.adapters.filesystem.output import MANIFEST, FolderOutput
from runnel.domain.payloads import StoredPage
from runnel.errors import StoreUnavailable
from runnel.streaming.front_matter import front_matter

SITE = "https://docs.example.com"
LIBRARY = "docs"


def make_page(path: str, *, content: str = "1", **fields: Any) -> StoredPage:
    values = {
        "page_id": path,
        "url": SITE + path,
        "title": "A page",
        "words": 2,
        "content_hash": content,
        "body_hash": "b",
        "fetched_at": "2026-01-31T12:00:00.000Z",
    }
    return StoredPage(**(values | fields))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}


async def test_a_renamed_library_keeps_its_files(tmp_path: Path) -> None:
    """None is written a second time beside it; those of others stay, also when a kill left some under both names."""
    pages = (make_page("/a"), make_page("/b"))
    before = FolderOutput(tmp_path)
    await before.write_many("old", [(page, b"text") for page in pages])
    await before.write_many("other", [(make_page("/z"), b"text")])
    await before.reconcile("local", "old", pages)
    killed = FolderOutput(tmp_path)
    await killed.adopt("new", ("old",))
    await killed.write_many("new", [(pages[0], b"text")])
    await killed.close()
    output = FolderOutput(tmp_path, read_markdown=_text)
    await output.adopt("new", ("old",))
    await output.reconcile("local", "new", pages)

    assert files(tmp_path) == {"a.md", "b.md", "z.md"}
    assert [(tmp_path / name).read_text().count("library: new") for name in ("a.md", "b.md", "z.md")] == [1, 1, 0]
    assert '"library": "old"' not in (tmp_path / MANIFEST).read_text()


async def _text(_tenant: str, _page: StoredPage) -> str:
    return "text"


async def test_a_page_is_a_file_with_front_matter(tmp_path: Path) -> None:
    """What other tools read: YAML between dashes, then Markdown."""
    output = FolderOutput(tmp_path / "out")
    page = make_page("/library/json.html", title='"json": a — codec', lang="en", metadata={"team": "a: b", "url": "no"})
    await output.write(LIBRARY, page, "# json\n")
    await output.reconcile("local", LIBRARY, (page,))
    _, head, body = (tmp_path / "out" / "library" / "json.md").read_text(encoding="utf-8").split("---\n", 2)

    assert body == "\n# json\n"
    assert yaml.safe_load(head) == {
        "url": f"{SITE}/library/json.html",
        "title": '"json": a — codec',
        "description": "",
        "fetched_at": "2026-01-31T12:00:00.000Z",
        "content_hash": "1",
        "library": LIBRARY,
        "lang": "en",
        "team": "a: b",
    }
    assert files(tmp_path / "out") == {"library/json.md"}


def test_front_matter_says_more_only_where_there_is_more() -> None:
    """Most pages have nothing unusual to say, and their files should not talk about it."""
    usual, wide = (front_matter(LIBRARY, make_page("/a", extraction=kind)) for kind in ("", "wide"))

    assert "extraction" not in usual
    assert yaml.safe_load(wide.strip("-\n"))["extraction"] == "wide"


#: What a reader of YAML may take for something else than a text.
ODD = [
    "yes",
    "Null",
    "on",
    "0x1F",
    "1e3",
    "12:30",
    "2024-05-06",
    "~",
    "- a",
    "a: b",
    "a #b",
    "[a]",
    "'a'",
    '"a"',
    "a ",
    "a\x85b",
    "A---",
]
TEXTS = st.text() | st.sampled_from(ODD) | st.from_regex(r"[A-Za-z][A-Za-z0-9 .:/#&*!_-]*", fullmatch=True)


@given(title=TEXTS, description=TEXTS, metadata=st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=3))
def test_front_matter_says_what_the_page_said(title: str, description: str, metadata: dict[str, str]) -> None:
    """Titles come from strangers: no text of theirs becomes another field, or ends the block."""
    page = make_page("/a", title=title, description=description, metadata=metadata)
    text = front_matter(LIBRARY, page)
    head, rest = text.removeprefix("---\n").split("\n---\n") if text.count("\n---\n") == 1 else ("", "broken")
    fields = yaml.safe_load(head)

    assert rest == "\n"
    assert (fields["title"], fields["description"], fields["url"]) == (title, description, page.url)
    assert {key: fields[key] for key in metadata if key not in front_fields()} == {
        key: value for key, value in metadata.items() if key not in front_fields()
    }


def front_fields() -> set[str]:
    return {"url", "title", "description", "fetched_at", "content_hash", "library", "lang"}


async def test_reconcile_removes_our_old_files_and_no_others(tmp_path: Path) -> None:
    """The user may keep notes in the folder."""
    (tmp_path / "guide").mkdir()
    (tmp_path / "notes.md").write_text("mine")
    output = FolderOutput(tmp_path)
    kept, old, deep = make_page("/guide/a"), make_page("/guide/b"), make_page("/x/y/z")
    await output.write_many(LIBRARY, [(page, b"text") for page in (kept, old, deep)])
    await output.reconcile("local", LIBRARY, (kept,))

    assert files(tmp_path) == {"notes.md", "guide/a.md"}
    assert not (tmp_path / "x").exists()


async def test_a_file_that_was_there_before_us_is_never_replaced(tmp_path: Path) -> None:
    """`-o .` in a project must not cost its README."""
    (tmp_path / "README.md").write_text("mine")
    output = FolderOutput(tmp_path)
    page = make_page("/README")
    await output.write(LIBRARY, page, "theirs")
    await output.reconcile("local", LIBRARY, (page,))
    ours = files(tmp_path) - {"README.md"}

    assert (tmp_path / "README.md").read_text() == "mine"
    assert len(ours) == 1
    assert ours.pop().startswith("README-")


@pytest.mark.parametrize("order", [("/a", "/a.html"), ("/a.html", "/a")])
async def test_pages_that_want_one_name_end_the_same_in_any_order(tmp_path: Path, order: tuple[str, str]) -> None:
    """Whoever comes first has the name for a while; the shorter URL has it in the end."""
    output = FolderOutput(tmp_path)
    pages = tuple(make_page(path) for path in order)
    for page in pages:
        await output.write(LIBRARY, page, page.url)
    await output.reconcile("local", LIBRARY, pages)

    assert (tmp_path / "a.md").read_text().endswith(f"{SITE}/a")
    assert sum(path.read_text().endswith(f"{SITE}/a.html") for path in tmp_path.glob("a-*.md")) == 1
    assert len(files(tmp_path)) == 2


async def test_a_killed_crawl_leaves_nothing_that_the_next_one_does_not_know(tmp_path: Path) -> None:
    """What is written is in the manifest first, also when its last line was torn."""
    killed = FolderOutput(tmp_path)
    await killed.write_many(LIBRARY, [(make_page("/a"), b"old"), (make_page("/gone"), b"old")])
    await killed.close()  # only for the warning of an open file: every line was written before
    with (tmp_path / MANIFEST).open("a") as manifest:
        manifest.write('{"library": "docs", "url": "https://docs')
    (tmp_path / ".runnel-tmp" / "page").write_text("half a pa")
    output = FolderOutput(tmp_path)
    page = make_page("/a", content="2")
    await output.write(LIBRARY, page, "new")
    await output.reconcile("local", LIBRARY, (page,))

    assert files(tmp_path) == {"a.md"}
    assert (tmp_path / "a.md").read_text().endswith("new")


async def test_reconcile_fetches_what_is_missing_or_old(tmp_path: Path) -> None:
    """An unchanged page is not crawled into the folder again; a new folder needs it all the same."""
    asked: list[tuple[str, str]] = []

    async def read(tenant: str, page: StoredPage) -> str:
        asked.append((tenant, page.url))
        return "from the store"

    output = FolderOutput(tmp_path, read_markdown=read)
    await output.write_many(LIBRARY, [(make_page("/same"), b"text"), (make_page("/old"), b"text")])
    await output.reconcile("local", LIBRARY, (make_page("/same"), make_page("/old", content="2"), make_page("/new")))

    assert asked == [("local", f"{SITE}/old"), ("local", f"{SITE}/new")]
    assert files(tmp_path) == {"same.md", "old.md", "new.md"}
    assert (tmp_path / "old.md").read_text().endswith("from the store")


async def test_two_libraries_share_a_folder_without_harm(tmp_path: Path) -> None:
    """One library's end must not remove the other's pages."""
    first, second = FolderOutput(tmp_path, "docs.example.com"), FolderOutput(tmp_path, "docs.example.com")
    await first.write("one", make_page("/a"), "text")
    await first.reconcile("local", "one", (make_page("/a"),))
    await second.write("two", make_page("/b"), "text")
    await second.reconcile("local", "two", (make_page("/b"),))

    assert files(tmp_path) == {"a.md", "b.md"}


async def test_a_manifest_from_a_stranger_removes_nothing_outside(tmp_path: Path) -> None:
    """A cloned folder may hold a manifest that names anything, and links that lead anywhere."""
    outside, folder = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    folder.mkdir()
    (outside / "keep.md").write_text("mine")
    (folder / "link").symlink_to(outside)
    names = ["../outside/keep.md", "/etc/hosts.md", "link/keep.md", "a/../../outside/keep.md"]
    lines = [json.dumps({"library": LIBRARY, "url": name, "path": name, "content_hash": ""}) for name in names]
    (folder / MANIFEST).write_text("\n".join(lines) + "\n")
    await FolderOutput(folder).reconcile("local", LIBRARY, ())

    assert (outside / "keep.md").read_text() == "mine"


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Full disk, read-only disk, a file in the way: one error that says where and why."""
    (tmp_path / "out").write_text("a file")

    with pytest.raises(StoreUnavailable, match="output folder"):
        await FolderOutput(tmp_path / "out").write(LIBRARY, make_page("/a"), "text")


async def test_files_that_were_written_under_a_former_name_are_sound(tmp_path: Path) -> None:
    """After a rename each says the old name until its page is written again; that is no damage."""
    page, other = make_page("/a"), make_page("/b")

    async def read(_tenant: str, page: StoredPage) -> str:
        return f"text of {page.url}"

    before = FolderOutput(tmp_path)
    await before.write_many("old-name", [(one, f"text of {one.url}".encode()) for one in (page, other)])
    await before.close()
    (tmp_path / "b.md").write_text("torn")
    output = FolderOutput(tmp_path, read_markdown=read)
    await output.adopt(LIBRARY, ["old-name"])

    assert await output.examine("local", LIBRARY, (page, other)) == (("corrupt", "b.md"),)
    await output.close()


async def test_what_is_wrong_with_the_files_is_found_and_mended(tmp_path: Path) -> None:
    """After a power cut a file may be missing or torn; somebody may have moved one, or left one behind."""
    pages = tuple(make_page(f"/{name}") for name in "abcd")
    old = make_page("/old")

    async def read(_tenant: str, page: StoredPage) -> str:
        return f"text of {page.url}"

    output = FolderOutput(tmp_path, read_markdown=read)
    await output.write_many(LIBRARY, [(page, (await read("local", page)).encode()) for page in (*pages, old)])
    await output.reconcile("local", LIBRARY, (*pages, old))
    sound = await output.examine("local", LIBRARY, (*pages, old))
    (tmp_path / "a.md").unlink()
    (tmp_path / "b.md").write_text("torn")
    entries = (tmp_path / MANIFEST).read_text().replace('"path": "c.md"', '"path": "elsewhere.md"')
    (tmp_path / MANIFEST).write_text(entries)
    (tmp_path / "c.md").rename(tmp_path / "elsewhere.md")
    output = FolderOutput(tmp_path, read_markdown=read)
    wrong = await output.examine("local", LIBRARY, pages)
    await output.reconcile("local", LIBRARY, pages)

    assert sound == ()
    assert set(wrong) == {
        ("missing", "a.md"), ("corrupt", "b.md"), ("misplaced", "elsewhere.md"), ("orphan", "old.md"),
    }  # fmt: skip
    assert files(tmp_path) == {"a.md", "b.md", "c.md", "d.md"}
    assert all((tmp_path / f"{name}.md").read_text().endswith(f"text of {SITE}/{name}") for name in "abcd")
    assert await output.examine("local", LIBRARY, pages) == ()


async def test_a_folder_that_has_gone_is_not_wrong(tmp_path: Path) -> None:
    """Who removes it does not want it."""
    assert await FolderOutput(tmp_path / "gone").examine("local", LIBRARY, (make_page("/a"),)) == ()
    assert not (tmp_path / "gone").exists()
