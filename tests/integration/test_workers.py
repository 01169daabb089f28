"""Reading pages in processes: what a crash, a hang and a stranger's signal cost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from runnel.adapters.filesystem.raw_store import FolderPageKeeper, FolderRawStore
from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain.verdicts import RawRef
from runnel.errors import ConfigInvalid, PageUnreadable
from runnel.extraction.page import PageReading
from runnel.extraction.reading import read_links, read_page
from runnel.local.worker_process import RAW_FILES, readers_started_early
from runnel.local.workers import PAGES_AHEAD, WorkerPool
from runnel.ports.page_reader import RawPlace
from tests.support.process_ends import is_running

ROOT = Path(__file__).parents[2]

#: A worker that does as the page's address says: hang in its own way, die, or read. It tells when a page is begun.
MISBEHAVING = """
import os, signal, sys
sys.path[:0] = {paths!r}
from runnel.local.worker_main import NoFiles, read_request, serve

def read(request):
    is_first = "/once" in request.url and not os.path.exists({begun!r} + ".before")
    open({begun!r} + ".before", "w").close()
    if "/begun/" in request.url:
        open({begun!r}, "w").close()
    if "/hang" in request.url or is_first:
        while True:
            signal.pause()
    if "/crash" in request.url:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "/orphan" in request.url:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        while True:
            pass
    return read_request(request)

serve(read, NoFiles(), give_up_after_s=60.0)
"""


def misbehaving(tmp_path: Path) -> list[str]:
    paths = [str(ROOT / "layers" / "runnel")]
    return [sys.executable, "-P", "-c", MISBEHAVING.format(paths=paths, begun=str(tmp_path / "begun"))]


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[WorkerPool]:
    async with WorkerPool(size=1, parse_timeout=timedelta(seconds=1), program=misbehaving(tmp_path)) as pool:
        yield pool


async def read(pool: WorkerPool, url: str, *, text: str = "text") -> PageReading:
    return await pool.read(f"<title>t</title><p>{text}".encode(), url=url, charset=None, render=True)


async def outcome(pool: WorkerPool, url: str) -> str:
    try:
        return (await read(pool, url)).markdown.strip()
    except PageUnreadable as exc:
        return exc.message


async def no_page() -> None:
    """Nothing to read."""


@pytest.mark.parametrize("render", [True, False])
async def test_a_worker_reads_what_the_library_reads(*, render: bool) -> None:
    """The process in between must lose nothing: not a link, not a flag, not a byte of the Markdown."""
    body = (
        b"<html lang=de><head><meta name=robots content='noindex'><title>\xc4</title>"
        b"<meta http-equiv=refresh content='1;url=/b'><link rel=canonical href=/c>"
        b"<body><main><h1 id=x>H</h1><a href=/1>1</a><a href='2?q#f'>\xe4</a><p>text"
    )
    expected = (read_page if render else read_links)(body, url="https://example.com/a", charset="latin1")
    async with WorkerPool() as pool:
        reading = await pool.read(body, url="https://example.com/a", charset="latin1", render=render)

    assert reading == expected


async def test_a_worker_keeps_the_response_that_it_reads(tmp_path: Path) -> None:
    """The body need not come back to be stored; what lies in the file is what the store would have written."""
    store = FolderRawStore(tmp_path)
    async with WorkerPool(files=RAW_FILES) as pool:
        keeper = FolderPageKeeper(store, pool)

        async def keep(body: bytes, name: str) -> tuple[PageReading, RawRef | None]:
            return await keeper.read_and_keep(
                body, url="https://h/", charset=None, place=RawPlace("local", "job", name, b"head\r\n\r\n")
            )

        bodies = [b"<main>one", b"<main>two " + b"x" * 300_000, b"<main>three"]
        kept = [await keep(body, f"1-{n}") for n, body in enumerate(bodies)]
        _, nothing = await keep(b"<main>", "1-9")
        (ours,) = await store.put("local", "job", "1-0", (b"another",))
        refs = [ref for _, ref in kept if ref is not None]
        records = [await store.get("local", ref) for ref in refs]
    await store.close()

    assert [reading.markdown.split()[0] for reading, _ in kept] == ["one", "two", "three"]
    assert records == [b"head\r\n\r\n" + body + b"\r\n\r\n" for body in bodies]
    assert {ref.key for ref in refs} == {"raw/job/1-0.warc"}
    assert ours.key == "raw/job/1-0.1.warc"
    assert nothing is None


async def test_a_response_that_cannot_be_stored_is_no_fault_of_its_page(tmp_path: Path) -> None:
    """A full disk must rest the job, not fail its pages."""
    (tmp_path / "t").write_text("a file where a folder should be")
    async with WorkerPool(files=RAW_FILES) as pool:
        keeper = FolderPageKeeper(FolderRawStore(tmp_path), pool)
        with pytest.raises(ConfigInvalid):
            await keeper.read_and_keep(
                b"<main>one", url="https://h/", charset=None, place=RawPlace("local", "job", "1-1", b"")
            )


async def test_a_thread_reads_what_the_library_reads() -> None:
    """On Lambda the same port is kept by a thread."""
    body = b"<main><a href=/1>text"
    for reading, render in ((read_page, True), (read_links, False)):
        expected = reading(body, url="https://h/")

        assert await ThreadPageReader().read(body, url="https://h/", charset=None, render=render) == expected


def test_a_worker_imports_the_extraction_and_little_else() -> None:
    """Each heavy import would be paid a second time, in start-up and in memory."""
    script = "import sys, runnel.local.worker_main; print(*sys.modules)"
    root = str(ROOT / "layers" / "runnel")
    modules = subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True
    ).stdout

    heavy = {"httptools", "asyncio", "boto3", "httpx", "multiprocessing", "pydantic", "runnel.domain", "sqlite3", "ssl"}
    assert heavy.isdisjoint(modules.split())


async def test_a_page_that_multiplies_in_the_parser_is_stopped_by_memory_and_fails_alone() -> None:
    """Each paragraph repeats every open tag: 400 KB would become a tree of 30 million nodes, 3.7 GB."""
    bomb = b"<p>" + b"".join(b"<font size=%d>" % n for n in range(300)) + b"<p>x" * 100_000
    async with WorkerPool(size=1) as pool:
        before, refused, after = await asyncio.gather(
            read(pool, "https://h/1"),
            pool.read(bomb, url="https://h/bomb", charset=None, render=True),
            read(pool, "https://h/2"),
            return_exceptions=True,
        )

    assert isinstance(refused, PageUnreadable)
    assert refused.category == "too_large"
    assert {before.markdown, after.markdown} == {"text\n"}  # type: ignore[union-attr]


def test_a_hanging_parse_ends_a_process_that_reads_in_threads() -> None:
    """On Lambda the function's time-out would be a minute; the alarm ends even a parser that never leaves its C."""
    script = """
import asyncio, sys
from datetime import timedelta
from runnel.adapters.system import thread_reader

def hang(body, **_):
    return b"a" * 40 in body or __import__("re").match("(a+)+$", "a" * 40 + "b")

async def main():
    reader = thread_reader.ThreadPageReader(kill_after=timedelta(seconds=0.3))
    await reader.read(b"<p>x", url="https://h/", charset=None, render=True)
    await asyncio.sleep(0.5)
    print("idle", flush=True)
    thread_reader.read_page = hang
    await reader.read(b"<p>x", url="https://h/", charset=None, render=True)

asyncio.run(main())
"""
    root = str(ROOT / "layers" / "runnel")
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=False, capture_output=True, text=True, timeout=30
    )

    assert (ran.stdout, ran.returncode) == ("idle\n", -signal.SIGALRM)


async def test_many_pages_at_once_each_get_their_own_reading() -> None:
    """Pages are pipelined through two workers: an answer given to the wrong page would be the worst of bugs."""
    async with WorkerPool(size=2) as pool:
        readings = await asyncio.gather(
            *(read(pool, f"https://example.com/{n}", text=f"page {n} " + "x" * (n * 997)) for n in range(150))
        )

        assert [reading.markdown.split()[1] for reading in readings] == [str(n) for n in range(150)]
        assert len(pool.pids) == 2


async def test_no_worker_runs_before_there_is_a_page() -> None:
    """An idle program costs nothing."""
    async with WorkerPool(size=2) as pool:
        assert pool.pids == ()

        await read(pool, "https://example.com/")

        assert len(pool.pids) == 1


async def test_a_pool_begins_with_the_processes_that_were_started_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crawl knows that pages will come: its readers get ready while the rest of it is imported."""
    with readers_started_early() as readers:
        early = readers[0].process.pid
        monkeypatch.setattr(subprocess, "Popen", None)
        async with WorkerPool(size=1, started=readers) as pool:
            await read(pool, "http://a.example/")

            assert pool.pids == (early,)
        assert not is_running(early)


async def test_readers_that_were_started_early_for_nothing_end() -> None:
    """The command may find that it has nothing to crawl."""
    with readers_started_early() as readers:
        started = readers[0]
    await asyncio.to_thread(started.process.wait)

    assert not is_running(started.process.pid)


async def test_another_worker_starts_for_pages_that_the_first_has_no_room_for() -> None:
    """A site of few pages has one process; a larger one keeps two cores busy."""
    async with WorkerPool(size=2) as pool:
        await asyncio.gather(*(read(pool, f"http://a.example/{n}") for n in range(2 * PAGES_AHEAD + 1)))

        assert len(pool.pids) == 2


async def test_workers_without_a_page_rest_and_start_again_for_the_next(pool: WorkerPool) -> None:
    """Their memory is wanted for the index; a page that comes at that very moment is read all the same."""
    await read(pool, "https://example.com/1")
    before = pool.pids
    pool.rest()
    reading = await read(pool, "https://example.com/2")
    after = pool.pids
    busy = asyncio.create_task(read(pool, "https://example.com/3"))
    await asyncio.wait({busy}, timeout=0)
    pool.rest()

    assert len(before) == len(after) == 1
    assert before != after
    assert reading is not None
    assert await busy is not None
    assert pool.pids == after


async def test_a_page_that_crashes_its_reader_fails_alone(pool: WorkerPool) -> None:
    """A parser in C may die of a page; its neighbours in the same pipe must not."""
    urls = ["https://h/1", "https://h/crash", "https://h/2", "https://h/crash", "https://h/3"]
    outcomes = await asyncio.gather(*(outcome(pool, url) for url in urls))

    assert outcomes == ["text", "The page's reader crashed on it.", "text", "The page's reader crashed on it.", "text"]
    with pytest.raises(PageUnreadable) as crashed:
        await read(pool, "https://h/crash")
    assert crashed.value.category == "crashed"


async def test_a_page_that_hangs_is_given_up_and_fails_alone(pool: WorkerPool) -> None:
    """A parse without end would hold every page behind it, for ever."""
    urls = ["https://h/1", "https://h/hang", "https://h/2", "https://h/3"]
    outcomes = await asyncio.gather(*(outcome(pool, url) for url in urls))

    assert outcomes == ["text", "The page took longer than 1 s to read.", "text", "text"]


async def test_a_worker_killed_in_the_middle_of_a_page_is_replaced(tmp_path: Path) -> None:
    """The kernel kills whom it likes when memory is short."""
    async with WorkerPool(program=misbehaving(tmp_path), parse_timeout=timedelta(seconds=60)) as pool:
        held = asyncio.ensure_future(outcome(pool, "https://h/begun/hang"))
        behind = asyncio.ensure_future(outcome(pool, "https://h/2"))
        killed: list[int] = []
        for _ in range(2):
            while not (tmp_path / "begun").exists():
                await asyncio.wait([held], timeout=0.01)
            killed += pool.pids
            (tmp_path / "begun").unlink()
            os.kill(killed[-1], signal.SIGKILL)

        assert await held == "The page's reader crashed on it."
        assert await behind == "text"
        assert len({*killed, *pool.pids}) == 3


async def test_a_page_whose_worker_was_killed_is_read_by_the_next_one(tmp_path: Path) -> None:
    """Kill anything: a page is not lost because its reader was the one that the kernel chose."""
    async with WorkerPool(program=misbehaving(tmp_path), parse_timeout=timedelta(seconds=60)) as pool:
        read_twice = asyncio.ensure_future(outcome(pool, "https://h/begun/once"))
        while not (tmp_path / "begun").exists():
            await asyncio.wait([read_twice], timeout=0.01)
        os.kill(pool.pids[0], signal.SIGKILL)

        assert await read_twice == "text"


async def test_a_worker_killed_while_idle_costs_no_page(pool: WorkerPool) -> None:
    """Nothing was lost, so nothing may fail."""
    assert await outcome(pool, "https://h/1") == "text"
    os.kill(pool.pids[0], signal.SIGKILL)
    while pool.pids:
        await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))], timeout=1)

    assert await outcome(pool, "https://h/2") == "text"


async def test_a_reader_that_stops_waiting_does_not_shift_the_answers(tmp_path: Path) -> None:
    """A cancelled page's answer still comes, and must not go to the next one."""
    async with WorkerPool(program=misbehaving(tmp_path), parse_timeout=timedelta(seconds=60)) as pool:
        await read(pool, "https://h/warm")
        pages = [asyncio.ensure_future(read(pool, f"https://h/{n}", text=f"page {n}")) for n in range(8)]
        await asyncio.wait(pages, timeout=0)  # the first are sent, none is answered
        gone = {n for n in (2, 5) if pages[n].cancel()}
        readings = await asyncio.gather(*pages, return_exceptions=True)
    texts = [reading.markdown.strip() for reading in readings if isinstance(reading, PageReading)]

    assert gone == {2, 5}
    assert texts == [f"page {n}" for n in range(8) if n not in gone]


async def test_closing_leaves_no_process_and_no_waiter(tmp_path: Path) -> None:
    """A crawl that ends must not leave a process behind, whatever the process is busy with."""
    pool = WorkerPool(size=2, program=misbehaving(tmp_path), parse_timeout=timedelta(seconds=60))
    pages = [asyncio.ensure_future(outcome(pool, f"https://h/begun/hang{n}")) for n in range(12)]
    while not (tmp_path / "begun").exists() or len(pool.pids) < 2:
        await asyncio.wait(pages, timeout=0.01)
    pids = pool.pids
    await pool.close()

    assert {await page for page in pages} == {"The page readers were closed."}
    assert not any(is_running(pid) for pid in pids)
    with pytest.raises(PageUnreadable, match="closed"):
        await read(pool, "https://h/1")


async def test_a_program_that_cannot_start_fails_each_page_and_ends() -> None:
    """A broken installation is an error a page, not a loop of processes."""
    for program in (["/nonexistent"], [sys.executable, "-c", "raise SystemExit(1)"]):
        async with WorkerPool(program=program) as pool:
            outcomes = await asyncio.gather(*(outcome(pool, f"https://h/{n}") for n in range(6)))

        assert all("reader" in message for message in outcomes)
