"""A library goes out in every format, whole, sorted, the same bytes each time."""

import errno
import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from runnel.adapters.filesystem.output import MANIFEST, FolderOutput
from runnel.domain.paths import path_key
from runnel.domain.payloads import StoredPage
from runnel.errors import LibraryNotFound, PageNotFound, StoreUnavailable
from runnel.usecases.download_job import open_download
from runnel.usecases.edit_pages import set_page_metadata
from runnel.usecases.export_library import MEDIA_TYPES, StreamFormat, open_export, stream_export, write_folder
from runnel.usecases.process_pages import page_key
from runnel.usecases.read_library import markdown_of
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

NAMES = ("/a.html", "/b/", "/b/c.html", "/B/C.html", "/con.html")


def site() -> dict[str, Any]:
    link = '</p><p><a href="/b/c.html#page">there</a> <a href="https://else.example/">away</a>'
    leaves = {name: ScriptedPage(text=f"leaf {name}{link}") for name in NAMES}
    return {"/": ScriptedPage(text="home", links=NAMES), **leaves}


async def crawled() -> tuple[ScriptedHome, str, str]:
    home = ScriptedHome(site())
    job = await home.crawl(metadata={"team": "docs"})
    return home, job.library_id, job.job_id


async def exported(home: ScriptedHome, library: str, kind: StreamFormat) -> bytes:
    opened = await open_export(home.outside.services, TENANT, library)
    return b"".join([part async for part in stream_export(opened, kind)])


@pytest.mark.parametrize("kind", list(MEDIA_TYPES))
async def test_the_same_generation_gives_the_same_bytes(kind: StreamFormat) -> None:
    """So that an export can be compared, signed and cached."""
    home, library, _ = await crawled()
    first = await exported(home, library, kind)
    await home.clock.advance(1_000)

    assert await exported(home, library, kind) == first
    assert first


async def test_a_zip_holds_a_file_for_each_page_with_links_between_them() -> None:
    """At names that no file system confuses."""
    home, library, _ = await crawled()
    archive = zipfile.ZipFile(io.BytesIO(await exported(home, library, "zip")))
    names = archive.namelist()
    lower = next(name for name in names if b"/b/c.html" in archive.read(name).split(b"---", 2)[1])
    head, text = archive.read("a.md").decode().split("---\n\n", 1)

    assert archive.testzip() is None
    assert len({name.casefold() for name in names}) == len(names) == 6
    assert "con.md" not in {name.lower() for name in names}
    assert yaml.safe_load(head.removeprefix("---\n"))["team"] == "docs"
    assert f"[there]({lower}#page)" in text
    assert "[away](https://else.example/)" in text
    assert f"[there]({lower.removeprefix('b/')}#page)" in archive.read("b/index.md").decode()


async def test_json_lines_hold_what_an_import_needs() -> None:
    """A page a line."""
    home, library, _ = await crawled()
    rows = [json.loads(line) for line in (await exported(home, library, "jsonl")).splitlines()]

    assert [home.path_of(row["url"]) for row in rows] == sorted(("/", *NAMES))
    assert rows[1]["metadata"] == {"team": "docs"}
    assert "leaf" in rows[1]["markdown"]
    assert {"title", "description", "lang", "words", "content_hash", "fetched_at"} <= rows[0].keys()


async def test_llms_txt_has_the_form_that_llmstxt_org_asks_for() -> None:
    """A title, a summary, a list of links."""
    home, library, _ = await crawled()
    lines = (await exported(home, library, "llms")).decode().splitlines()
    full = (await exported(home, library, "llms-full")).decode()

    assert lines[0] == f"# {library}"
    assert lines[2].startswith("> 6 pages, ")
    assert lines[4] == "## Pages"
    assert len([line for line in lines if line.startswith("- [")]) == 6
    assert full.count("\nSource: https://docs.example.com/") == 6


async def test_a_warc_holds_the_responses_that_are_still_kept() -> None:
    """One that has expired is left out."""
    home, library, _ = await crawled()
    whole = await exported(home, library, "warc")
    key = next(key for _, key in home.state.objects if key.startswith("raw/"))
    home.state.objects.pop((TENANT, key))
    part = await exported(home, library, "warc")

    assert whole.startswith(b"WARC/1.1\r\nWARC-Type: warcinfo\r\n")
    assert whole.count(b"WARC-Type: response") == 6
    assert part.count(b"WARC-Type: response") == 5


async def test_a_warc_is_what_other_programs_read(tmp_path: Path) -> None:
    """By the reference implementation's own check, which finds a torn one."""
    from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]
    from warcio.cli import main  # type: ignore[import-untyped]

    home, library, _ = await crawled()
    path = tmp_path / "guide.warc"
    path.write_bytes(await exported(home, library, "warc"))
    with path.open("rb") as file:
        records = [(one.rec_type, one.rec_headers.get_header("WARC-Target-URI")) for one in ArchiveIterator(file)]
    with pytest.raises(SystemExit) as ended:
        main(["check", str(path)])

    assert ended.value.code == 0
    assert records[0] == ("warcinfo", None)
    assert sorted(home.path_of(url) for kind, url in records[1:] if kind == "response") == sorted(("/", *NAMES))


async def test_a_folder_replaces_its_own_files_only(tmp_path: Path) -> None:
    """What somebody else has put there stays, under its name."""
    home, library, _ = await crawled()
    (tmp_path / "a.md").write_text("mine")
    opened = await open_export(home.outside.services, TENANT, library)
    for _ in range(2):
        await write_folder(opened, FolderOutput(tmp_path, opened.home_host))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md"))

    assert (tmp_path / "a.md").read_text() == "mine"
    assert len(files) == 7
    assert (tmp_path / MANIFEST).is_file()
    assert "](c-ec641e79.md#page)" in (tmp_path / "b" / "index.md").read_text()


@pytest.mark.parametrize("damage", [None, b"\x1f\x8b nonsense"])
async def test_a_missing_page_is_said_instead_of_left_out(damage: bytes | None) -> None:
    """An export that lacks a page silently is worse than none."""
    home, library, _ = await crawled()
    opened = await open_export(home.outside.services, TENANT, library)
    place = TENANT, page_key(opened.pages[2].content_hash)
    if damage is None:
        del home.state.objects[place]
    else:
        home.state.objects[place] = damage
    with pytest.raises(PageNotFound, match="missing or damaged; try: runnel verify"):
        _ = [part async for part in stream_export(opened, "jsonl")]
    with pytest.raises(LibraryNotFound):
        await open_export(home.outside.services, TENANT, "nonsense")


async def test_a_job_is_downloaded_whole_sorted_and_once_even_when_held() -> None:
    """Also the pages that had not changed."""
    home, library, _ = await crawled()
    front = ScriptedPage(text="home", links=("/new.html", "/a.html"), links_in_body=True)
    home.pages = {"/": front, "/new.html": ScriptedPage(text="new")}
    home.pages["/a.html"] = site()["/a.html"]
    held = await home.crawl(mode="incremental")
    opened = await open_download(home.outside.services, TENANT, held.job_id)
    text = b"".join([part async for part in stream_export(opened, "file")]).decode()
    sources = [line for line in text.splitlines() if line.startswith("Source: ")]

    assert [home.path_of(line[9:-1]) for line in sources] == ["/", "/a.html", "/new.html"]
    assert text.startswith(f"# {library}\n\n3 pages, ")


async def test_exports_and_downloads_stream_over_http() -> None:
    """With the type of what comes, and an error before the first byte."""
    home, library, job_id = await crawled()
    client = web_client(home)
    for kind, media_type in MEDIA_TYPES.items():
        answer = await client.get(f"/v1/libraries/{library}/export", params={"format": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.content == await exported(home, library, kind)
    one = await client.get(f"/v1/jobs/{job_id}/download")

    assert one.text.count("\nSource: <") == 6
    assert (await client.get("/v1/libraries/nonsense/export")).status_code == 404
    assert (await client.get("/v1/jobs/nonsense/download")).status_code == 404
    assert (await client.get(f"/v1/libraries/{library}/export", params={"format": "pdf"})).status_code == 422


async def test_a_folder_of_many_pages_is_written_a_few_at_a_time(tmp_path: Path) -> None:
    """So that memory does not grow with the library; anchors are found over all of them."""
    names = tuple(f"/{number}" for number in range(60))
    home = ScriptedHome({"/": ScriptedPage(links=names), **{name: ScriptedPage(text=name) for name in names}})
    home.latency_s = 0.001
    job = await home.crawl()
    opened = await open_export(home.outside.services, TENANT, job.library_id)
    await write_folder(opened, FolderOutput(tmp_path, opened.home_host))

    assert len(list(tmp_path.glob("*.md"))) == 61


async def test_links_lead_to_the_names_that_were_really_written(tmp_path: Path) -> None:
    """A page beside a file of somebody else's has another name: its neighbours must know it, also the second time."""
    home, library, _ = await crawled()
    foreign = tmp_path / "b" / "c-ec641e79.md"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    opened = await open_export(home.outside.services, TENANT, library)
    for _ in range(2):
        await write_folder(opened, FolderOutput(tmp_path, opened.home_host))
        texts = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.md")}
        written = next(name for name, text in texts.items() if f"url: {home.url('/b/c.html')}\n" in text)

        assert re.fullmatch(r"b/c-ec641e79-[0-9a-f]{8}\.md", written)
        assert f"]({written}#page)" in texts["a.md"]
        assert f"]({written.removeprefix('b/')}#page)" in texts["b/index.md"]
        assert texts["b/c-ec641e79.md"] == "mine"
        assert len(texts) == 7


async def test_an_export_whose_disk_fills_up_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays whole; the error names the folder."""
    home, library, _ = await crawled()
    opened = await open_export(home.outside.services, TENANT, library)
    await write_folder(opened, FolderOutput(tmp_path, opened.home_host))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.md")}
    written: list[int] = []
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        written.append(len(data))
        if len(written) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    output = FolderOutput(tmp_path, opened.home_host)
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        await write_folder(opened, output)
    monkeypatch.undo()
    await output.close()

    assert {path: path.read_bytes() for path in tmp_path.rglob("*.md")} == before

    await write_folder(opened, FolderOutput(tmp_path, opened.home_host))

    assert {path: path.read_bytes() for path in tmp_path.rglob("*.md")} == before


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Here because a file stands where the folder must be; nothing is changed."""
    home, library, _ = await crawled()
    (tmp_path / "out").write_text("a file")
    opened = await open_export(home.outside.services, TENANT, library)
    with pytest.raises(StoreUnavailable, match="Cannot write to the output folder"):
        await write_folder(opened, FolderOutput(tmp_path / "out", opened.home_host))

    assert (tmp_path / "out").read_text() == "a file"


async def test_names_that_file_systems_take_for_one_stay_apart_and_devices_are_none(tmp_path: Path) -> None:
    """Case, Unicode form, reserved names, names of 300 bytes: each page has its own file, in folder and zip alike."""
    long = "/" + "x" * 300
    names = ("/Readme", "/README", "/caf%C3%A9", "/cafe%CC%81", "/con", "/nul.html", "/aux/page", long, long + "y")
    home = ScriptedHome({"/": ScriptedPage(links=names), **{name: ScriptedPage(text=name) for name in names}})
    job = await home.crawl()
    opened = await open_export(home.outside.services, TENANT, job.library_id)
    await write_folder(opened, FolderOutput(tmp_path, opened.home_host))
    archive = zipfile.ZipFile(io.BytesIO(await exported(home, job.library_id, "zip")))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md"))
    stems = {part.split(".")[0].lower() for name in files for part in name.split("/")}

    assert files == sorted(archive.namelist())
    assert len({path_key(name) for name in files}) == len(files) == 10
    assert max(len(part.encode()) for name in files for part in name.split("/")) <= 255
    assert stems.isdisjoint({"con", "nul", "aux"})


async def test_a_page_whose_own_fields_changed_gets_its_file_anew(tmp_path: Path) -> None:
    """Its text is the same; what stands above it is not."""
    home, library, _ = await crawled()

    async def read(tenant: str, page: StoredPage) -> str | None:
        return await markdown_of(home.outside.services.content, tenant, page)

    output = FolderOutput(tmp_path, None, read)
    opened = await open_export(home.outside.services, TENANT, library)
    await output.reconcile(TENANT, library, opened.pages)
    await set_page_metadata(home.outside.services, TENANT, library, home.url("/a.html"), {"reviewed": "by ann"})
    opened = await open_export(home.outside.services, TENANT, library)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.md")}
    await FolderOutput(tmp_path, None, read).reconcile(TENANT, library, opened.pages)
    changed = [path.name for path, then in before.items() if path.stat().st_mtime_ns != then]

    assert changed == ["a.md"]
    assert "reviewed: by ann" in (tmp_path / "a.md").read_text()
