"""A file that is newer, another program's, or damaged: it is refused with the way out, and never changed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.schema import MIGRATIONS
from runnel.errors import ConfigInvalid, StateUnreadable
from tests.contract.homes import open_stores
from tests.contract.makers import TENANT, do_nothing, driven_job, invoke_nothing, make_flush, make_job, make_library


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        for statement in (text for step in MIGRATIONS for text in step):
            file.execute(statement)
        file.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE bookmarks (url TEXT)")
        file.execute("INSERT INTO bookmarks VALUES ('https://example.com/')")
        file.commit()


def _foreign_with_a_version(path: Path) -> None:
    _foreign(path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version = 1")


def _no_database(path: Path) -> None:
    path.write_bytes(b"these are the minutes of a meeting\n" * 100)


@pytest.mark.parametrize(
    ("make", "way_out"),
    [
        (_newer, "Upgrade Runnel"),
        (_foreign, "RUNNEL_HOME"),
        (_foreign_with_a_version, "RUNNEL_HOME"),
        (_no_database, "RUNNEL_HOME"),
    ],
)
def test_what_is_not_ours_is_refused_with_the_way_out_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], None], way_out: str
) -> None:
    """Not a byte of somebody's data may change because it lies where ours would."""
    path = tmp_path / "runnel.db"
    make(path)
    before = sha256(path.read_bytes()).hexdigest()

    for _ in range(2):
        with pytest.raises(ConfigInvalid) as refused:
            Database.open(path)
        assert way_out in refused.value.message
        assert str(path) in refused.value.message
    assert sha256(path.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_a_file_of_every_older_version_comes_forward_with_all_it_holds(tmp_path: Path, version: int) -> None:
    """Upgrading Runnel keeps the jobs and their logs, and the result is the schema of a new file."""
    path, fresh = tmp_path / "runnel.db", tmp_path / "fresh.db"
    with closing(sqlite3.connect(path)) as file:
        for statement in (text for step in MIGRATIONS[:version] for text in step):
            file.execute(statement)
        file.execute(
            "INSERT INTO jobs (tenant, job_id, library_id, created_at, request, state, term, beat, wish_no, publishing,"
            " applied_seq, spent_s, spent_usd) VALUES ('acme', 'old', 'docs', '2026-01-31T12:00:00.000000+00:00',"
            ' \'{"sources": [{"source_id": "main", "url": "https://docs.example.com/"}], "options": {"limit": 7},'
            ' "kind": "crawl", "start": "now", "request_hash": "", "output": null}\','
            " 'running', 3, 9, 0, 0, 5, 1.5, 0)"
        )
        file.execute(f"PRAGMA user_version = {version}")
        file.commit()
    stores, new = open_stores(path), open_stores(fresh)
    job = await stores.jobs.get(TENANT, "old")
    lease = await driven_job(stores, "job1")
    await stores.journal.commit(make_flush(), committed=do_nothing, invoke=invoke_nothing)
    await stores.content.put(TENANT, "pages/x", b"text")
    await stores.close()
    await new.close()

    assert job is not None
    assert (job.options.limit, job.term, job.beat, job.applied_seq, job.spent_s) == (7, 3, 9, 5, 1.5)
    assert lease.term == 1
    assert _schema(path) == _schema(fresh)


def _schema(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as file:
        tables = [row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {(table, column[1]) for table in tables for column in file.execute(f"PRAGMA table_info({table})")}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE jobs SET request = '{\"sources\": '",
        "UPDATE jobs SET request = '{}'",
        "UPDATE jobs SET state = 'resting'",
        "UPDATE jobs SET created_at = 'yesterday'",
    ],
)
async def test_a_damaged_record_is_one_sentence_and_hides_no_other(tmp_path: Path, damage: str) -> None:
    """One job's damage must not be a traceback, nor cost anybody else."""
    path = tmp_path / "runnel.db"
    stores = open_stores(path)
    await stores.jobs.create(make_job("job1"))
    with closing(sqlite3.connect(path)) as file:
        file.execute(damage)
        file.commit()
    await stores.jobs.create(make_job("job2"))

    with pytest.raises(StateUnreadable) as unreadable:
        await stores.jobs.get(TENANT, "job1")
    assert "job1 is damaged" in unreadable.value.message
    assert await stores.jobs.get(TENANT, "job2") == make_job("job2")
    await stores.close()


async def test_a_damaged_page_of_the_file_is_named(tmp_path: Path) -> None:
    """A disk that lost a block: one sentence with the way out, and nothing is written over what is left."""
    path = tmp_path / "runnel.db"
    stores = open_stores(path)
    for number in range(300):
        await stores.libraries.ensure(make_library(f"docs{number}"))
    await stores.close()
    data = bytearray(path.read_bytes())
    size = 4096
    for page in range(2, len(data) // size):
        data[page * size : page * size + 64] = b"\xff" * 64
    path.write_bytes(data)
    stores = open_stores(path)

    with pytest.raises(ConfigInvalid) as damaged:
        await stores.libraries.list_libraries(TENANT)
    assert "is damaged" in damaged.value.message
    assert "move it away" in damaged.value.message
    await stores.close()
