"""The SQLite file: how it is opened, shared, refused and left."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from runnel.adapters.sqlite.bell import SqliteBell
from runnel.adapters.sqlite.database import Database
from runnel.adapters.system.bell import LoopBell
from runnel.domain.host_book import LATE_S, Ask
from runnel.errors import ConfigInvalid, RunnelError, StoreUnavailable
from tests.contract.homes import LaptopStores, open_stores
from tests.contract.makers import TENANT, do_nothing, driven_job, invoke_nothing, make_flush, make_job, make_segment

LONG = timedelta(seconds=60)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "runnel.db"


@pytest_asyncio.fixture
async def stores(path: Path) -> AsyncIterator[LaptopStores]:
    opened = open_stores(path, impatient)
    yield opened
    await opened.close()


def impatient(*arguments: Any, **options: Any) -> sqlite3.Connection:
    """A connection that does not wait for a lock."""
    connection: sqlite3.Connection = sqlite3.connect(*arguments, **options | {"timeout": 0.01})
    return connection


@contextmanager
def write_lock(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process that writes and does not come to an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


# ---------------------------------------------------------------- opening


async def test_the_file_and_its_folder_are_made(path: Path) -> None:
    """The first command of a new user."""
    await open_stores(path).close()

    assert path.is_file()


async def test_a_file_is_opened_again_with_what_it_held(path: Path) -> None:
    """Tomorrow is another process."""
    first = open_stores(path)
    await first.jobs.create(make_job())
    await first.close()
    second = open_stores(path)
    job = await second.jobs.get(TENANT, "job1")
    await second.close()

    assert job == make_job()


def test_a_file_of_a_newer_runnel_is_refused(path: Path) -> None:
    """Guessing at its tables could lose what it holds."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 999")

    with pytest.raises(ConfigInvalid, match="newer"):
        Database.open(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """And is not touched."""
    path.parent.mkdir()
    path.write_bytes(b"my diary\n" * 1000)

    with pytest.raises(ConfigInvalid):
        Database.open(path)
    assert path.read_bytes() == b"my diary\n" * 1000


def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path: Path) -> None:
    """A folder in the place of the file, or a file in the place of its folder."""
    (tmp_path / "runnel.db").mkdir()
    (tmp_path / "file").touch()

    for place in (tmp_path / "runnel.db", tmp_path / "file" / "runnel.db"):
        with pytest.raises(ConfigInvalid):
            Database.open(place)


async def test_a_file_that_cannot_be_written_is_refused(path: Path) -> None:
    """Waiting would not help; the user must be told at once."""
    await open_stores(path).close()

    def read_only(name: Path, **options: Any) -> sqlite3.Connection:
        return impatient(f"file:{name}?mode=ro", uri=True, **options)

    database = Database.open(path, connect=read_only)
    try:
        with pytest.raises(ConfigInvalid, match="cannot be written"):
            await LaptopStores(database, path.parent).jobs.create(make_job())
    finally:
        await database.close()


# ---------------------------------------------------------------- faults


async def test_a_file_that_is_locked_for_long_is_a_fault_that_passes(stores: LaptopStores, path: Path) -> None:
    """The driver waits and sends the same flush again; no job fails because a backup reads the file."""
    await driven_job(stores)
    flush = make_flush()
    with write_lock(path):
        with pytest.raises(StoreUnavailable):
            await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)

        assert await stores.log.read(TENANT, "job1") == []

    await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)

    assert await stores.log.read(TENANT, "job1") == [flush.segment]


async def test_a_writer_does_not_keep_readers_waiting(stores: LaptopStores, path: Path) -> None:
    """Watching goes on while somebody writes; what is not committed is not seen."""
    await stores.jobs.create(make_job())
    with write_lock(path) as other:
        other.execute("DELETE FROM jobs")

        assert await stores.jobs.get(TENANT, "job1") == make_job()


async def test_a_full_disk_is_a_fault_that_passes(path: Path) -> None:
    """Nothing of the flush is left, and it succeeds when there is room again."""
    opened: list[sqlite3.Connection] = []

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(impatient(*arguments, **options))
        return opened[-1]

    stores = open_stores(path, connect)
    await driven_job(stores)
    room = opened[0].execute("PRAGMA max_page_count").fetchone()[0]
    pages = opened[0].execute("PRAGMA page_count").fetchone()[0]
    opened[0].execute(f"PRAGMA max_page_count = {pages}")
    flush = make_flush(segment=make_segment(text=random.Random(1).randbytes(50_000).hex()))
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await stores.jobs.create(make_job("filler", request_hash="f" * 300_000))
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)
    opened[0].execute(f"PRAGMA max_page_count = {room}")
    await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)
    log = await stores.log.read(TENANT, "job1")
    await stores.close()

    assert log == [flush.segment]


def sqlite_errors() -> Iterator[sqlite3.Error]:
    """Every class of error with every code that this SQLite has, and without one."""
    codes = [code for name, code in vars(sqlite3).items() if name.startswith("SQLITE_") and isinstance(code, int)]
    kinds: list[type[sqlite3.Error]] = [sqlite3.Error, *sqlite3.Error.__subclasses__()]
    for kind in kinds + sqlite3.DatabaseError.__subclasses__():
        yield kind("no code")
        for code in codes:
            error = kind("with a code")
            error.sqlite_errorcode = code
            yield error


async def test_no_error_of_sqlite_gets_out(stores: LaptopStores) -> None:
    """Use cases know our errors only; what SQLite said is the cause."""
    for error in sqlite_errors():

        def fail(_: sqlite3.Connection, error: sqlite3.Error = error) -> None:
            raise error

        for call in (stores.database.read, stores.database.write):
            with pytest.raises(RunnelError) as ours:
                await call(fail)

            assert ours.value.__cause__ is error


async def test_what_work_raises_undoes_it(stores: LaptopStores) -> None:
    """A transaction happened as a whole or not at all; the next one begins afresh."""
    await stores.jobs.create(make_job())

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM jobs")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stores.database.write(fail)

    assert await stores.jobs.get(TENANT, "job1") == make_job()
    assert await stores.jobs.create(make_job("job2")) == make_job("job2")


async def test_a_closed_store_refuses_and_closes_twice(path: Path) -> None:
    """A late task of a process that ends gets an error of ours."""
    stores = open_stores(path)
    for _ in range(2):
        await stores.close()

    with pytest.raises(StoreUnavailable):
        await stores.jobs.get(TENANT, "job1")
    with pytest.raises(StoreUnavailable):
        await stores.jobs.create(make_job())
    with pytest.raises(StoreUnavailable):
        await stores.content.put(TENANT, "x", b"")
    with pytest.raises(StoreUnavailable):
        await stores.raw.put(TENANT, "job1", "1-1", (b"x",))


async def test_the_log_is_synced_and_the_lease_is_not(path: Path) -> None:
    """Durable before it is shown; a renewal every four seconds need not wake the disk."""
    said: list[str] = []

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = impatient(*arguments, **options)
        connection.set_trace_callback(said.append)
        return connection

    stores = open_stores(path, connect)
    lease = await driven_job(stores)

    async def modes(call: Any) -> list[str]:
        said.clear()
        await call
        return [line for line in said if "synchronous" in line]

    flush = stores.journal.commit(make_flush(), committed=do_nothing, invoke=invoke_nothing)
    of_flush, of_renewal = await modes(flush), await modes(stores.leases.renew(lease))
    await stores.close()

    assert of_flush == ["PRAGMA synchronous = FULL"]
    assert of_renewal == ["PRAGMA synchronous = NORMAL"]


# ---------------------------------------------------------------- other processes

# Opens the file and appends segments to the log of a job of its own.
WRITER = """
import asyncio, sys
from pathlib import Path
from tests.contract.homes import open_stores
from runnel.domain.host_book import Ask
from runnel.adapters.system.bell import LoopBell
from tests.contract.makers import TENANT, do_nothing, driven_job, invoke_nothing, make_flush, make_segment

async def main(path, job_id, count):
    stores = open_stores(path)
    lease = await driven_job(stores, job_id)
    for first in range(1, 2 * count, 2):
        flush = make_flush(job_id, segment=make_segment(first, owner=lease.owner, term=lease.term))
        await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)
        await stores.hosts.take("a.example:443", Ask(taker="crawl", now_s=0.0, most=10, spacing_s=1.0))
    await stores.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""


@contextmanager
def writers(path: Path, root: Path, *job_ids: str, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, job_id, str(count)], cwd=root) for job_id in job_ids
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


async def test_processes_share_a_file_from_its_first_moment(path: Path, project_root: Path) -> None:
    """`crawl` three times in three terminals, the first time ever: all make the file, none loses a segment."""
    jobs = ("job1", "job2", "job3")
    with writers(path, project_root, *jobs, count=15) as started:
        codes = [await asyncio.to_thread(process.wait, 60) for process in started]
    stores = open_stores(path)
    logs = [await stores.log.read(TENANT, job_id) for job_id in jobs]
    share = await stores.hosts.take("a.example:443", Ask(taker="crawl", now_s=0.0, most=10, spacing_s=1.0))
    await stores.close()

    assert codes == [0, 0, 0]
    assert [[segment.first for segment in log] for log in logs] == [list(range(1, 30, 2))] * 3
    assert share.first_s == pytest.approx(45 * (1.0 + LATE_S))


async def test_a_follower_wakes_when_another_process_writes(path: Path, project_root: Path) -> None:
    """`watch` in a second terminal: it sees each segment soon after its commit, and misses none."""
    stores = open_stores(path)
    bell, seen = SqliteBell(stores.database, LoopBell()), 0
    with writers(path, project_root, "job1", count=10):
        while seen < 20:
            assert await bell.wait("job1", at_most=LONG)

            for segment in await stores.log.read(TENANT, "job1", after=seen):
                seen = segment.last
    await stores.close()

    assert seen == 20


async def test_the_bell_of_this_process_rings_too_and_silence_ends(stores: LaptopStores) -> None:
    """A follower beside the driver need not wait for the file."""
    bell = SqliteBell(stores.database, LoopBell())

    assert await bell.wait("job1", at_most=timedelta(milliseconds=1)) is False

    waiting = asyncio.create_task(bell.wait("job1", at_most=LONG))
    while not waiting.done():
        bell.ring("job1")
        await stores.jobs.get(TENANT, "job1")

    assert waiting.result() is True


async def test_a_commit_between_two_waits_is_seen_by_the_first_look_of_the_second(
    stores: LaptopStores, path: Path
) -> None:
    """A follower reads between its waits: what comes after the read must not need another commit to be told."""
    bell = SqliteBell(stores.database, LoopBell())
    assert await bell.wait("job1", at_most=timedelta(milliseconds=1)) is False

    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO segments VALUES ('t', 'job1', 1, 1, x'')")

    assert await bell.wait("job1", at_most=timedelta(milliseconds=1)) is True


async def test_the_bell_remembers_no_more_jobs_than_it_says(
    stores: LaptopStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server lives for months and follows many jobs."""
    monkeypatch.setattr("runnel.adapters.sqlite.bell._JOBS", 2)
    looks = 0
    data_version = stores.database.data_version

    async def counted() -> int:
        nonlocal looks
        looks += 1
        return await data_version()

    monkeypatch.setattr(stores.database, "data_version", counted)
    bell = SqliteBell(stores.database, LoopBell())
    for job_id in ("job1", "job2", "job3", "job3", "job1"):
        await bell.wait(job_id, at_most=timedelta(milliseconds=1))

    assert looks == 2 + 2 + 2 + 1 + 2
