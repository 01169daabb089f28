"""Readers of pages whose program was killed: they end by themselves."""

import asyncio
import sys
from pathlib import Path

from tests.integration.test_workers import ROOT, misbehaving
from tests.support.process_ends import gone


async def test_forked_readers_end_by_themselves_when_their_grandparent_was_killed() -> None:
    """Nobody holds the other ends of their sockets then, the readers themselves least of all."""
    script = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'layers' / 'runnel')!r})\n"
        "from runnel.local.workers import PAGES_AHEAD, WorkerPool\n"
        "async def main():\n"
        "    pool = WorkerPool(size=2)\n"
        "    pages = (pool.read(b'x', url='https://h/1', charset=None, render=False) for n in range(3 * PAGES_AHEAD))\n"
        "    await asyncio.gather(*pages)\n"
        "    print(*pool.pids, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    parent.kill()
    await parent.wait()
    assert len(pids) == 2
    for pid in pids:
        await gone(pid)


async def test_a_worker_ends_by_itself_when_its_parent_was_killed(tmp_path: Path) -> None:
    """`kill -9` of the program must leave nothing behind, not even a parser deep in a page."""
    script = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'layers' / 'runnel')!r})\n"
        "from runnel.local.workers import PAGES_AHEAD, WorkerPool\n"
        "async def main():\n"
        f"    pool = WorkerPool(program={misbehaving(tmp_path)!r})\n"
        "    await pool.read(b'x', url='https://h/1', charset=None, render=False)\n"
        "    print(pool.pids[0], flush=True)\n"
        "    await pool.read(b'x', url='https://h/' + sys.argv[1], charset=None, render=False)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    for page in ("idle", "orphan"):
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, page, stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        pid = int(await parent.stdout.readline())
        parent.kill()
        await parent.wait()
        await gone(pid)
