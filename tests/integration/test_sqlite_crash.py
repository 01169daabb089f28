"""A process that dies in the middle of a flush leaves all of it or nothing."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.homes import open_stores
from tests.contract.makers import TENANT, do_nothing, invoke_nothing, make_flush, make_segment, take

# Commits a flush; in the next one it dies at the given instruction of SQLite, as if by kill -9.
VICTIM = """
import asyncio, os, sqlite3, sys
from pathlib import Path
from tests.contract.homes import open_stores
from tests.contract.makers import do_nothing, driven_job, invoke_nothing, make_flush, make_segment

left = None

def step():
    global left
    if left is not None:
        left -= 1
        if left < 0:
            os._exit(9)
    return 0

def connect(*arguments, **options):
    connection = sqlite3.connect(*arguments, **options)
    connection.set_progress_handler(step, 1)
    return connection

async def main(path, steps):
    global left
    stores = open_stores(path, connect)
    await driven_job(stores)
    await stores.journal.commit(make_flush(), committed=do_nothing, invoke=invoke_nothing)
    left = steps
    flush = make_flush(segment=make_segment(3))
    await stores.journal.commit(flush, committed=lambda: print("shown", flush=True), invoke=invoke_nothing)
    os._exit(9)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def run_victim(path: Path, steps: int, root: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", VICTIM, str(path), str(steps)]
    return subprocess.run(command, cwd=root, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("steps", [0, 5, 30, 70, 120, 160, 200, 100_000])
async def test_a_killed_driver_leaves_whole_flushes_and_its_successor_goes_on(
    tmp_path: Path, project_root: Path, steps: int
) -> None:
    """Whatever was shown to a client is there; what was not committed left no trace and is done again."""
    path = tmp_path / "runnel.db"
    victim = await asyncio.to_thread(run_victim, path, steps, project_root)
    stores = open_stores(path)
    firsts = [segment.first for segment in await stores.log.read(TENANT, "job1")]
    verdicts = len(await stores.queue.verdicts(TENANT, "job1"))
    urls = len(await stores.queue.urls(TENANT, "job1"))
    batches = len(await stores.batches.list_batches(TENANT, "job1"))
    job = await stores.jobs.get(TENANT, "job1")

    assert victim.returncode == 9, victim.stderr.decode()
    assert job is not None
    assert (firsts, verdicts, urls, batches, job.applied_seq) in (([1], 3, 3, 1, 2), ([1, 3], 6, 6, 2, 4))
    assert firsts == [1, 3] or not victim.stdout
    assert bool(victim.stdout) is (steps == 100_000)

    lease = await take(stores, owner="successor")
    segment = make_segment(firsts[-1] + 2, owner=lease.owner, term=lease.term)
    await stores.journal.commit(make_flush(segment=segment), committed=do_nothing, invoke=invoke_nothing)
    log = await stores.log.read(TENANT, "job1")
    await stores.close()

    assert log[-1] == segment
