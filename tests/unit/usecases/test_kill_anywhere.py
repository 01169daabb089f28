"""A driver is killed before each of its steps in turn: the next one always brings the same job to the same end."""

from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.usecases.list_urls import list_urls
from runnel.usecases.manifests import load_index_plan
from runnel.usecases.process_pages import page_key
from tests.support.homes import ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b", "/old", "/gone", "https://elsewhere.example/")),
    "/a": ScriptedPage(text="A", links=("/b", "/deep")),
    "/b": ScriptedPage(text="B", links=("/", "/twin")),
    "/twin": ScriptedPage(text="A", links=("/a",)),
    "/old": ScriptedPage(text="N", final="/new"),
    "/deep": ScriptedPage(text="D"),
}


async def _outcome(home: ScriptedHome, job: Job) -> dict[str, Any]:
    """All that must not depend on who was killed when."""
    meta = home.meta(job)
    assert meta.ending is not None
    pages = {path: (page.content_hash, page.aliases) for path, page in (await home.library(job)).items()}
    verdicts = {record.url: record.reason for record in await list_urls(home.outside.services, meta)}
    kept = {record.body_hash for record in await list_urls(home.outside.services, meta)}
    return {"counts": meta.ending.counts, "state": meta.state, "pages": pages, "verdicts": verdicts, "bodies": kept}


async def _check(home: ScriptedHome, job: Job) -> None:
    pages = (await home.library(job)).values()
    log = home.log(job)
    assert [event.seq for event in log if event.type in e.TERMINAL_TYPES] == [len(log)]
    assert [event.type for event in log].count("library_published") <= 1
    assert home.meta(job).owner is None
    library = home.state.libraries[job.tenant, job.library_id]
    assert library.active_job is None
    assert library.pointer.generation == 1
    objects = {key for _, key in home.state.objects}
    assert all(page_key(page.content_hash) in objects for page in pages)
    index = await load_index_plan(home.outside.services, job.tenant, library.pointer.path)
    assert index is not None
    assert index.keys
    assert index.keys <= objects


async def _undisturbed(*, dies: bool) -> tuple[dict[str, Any], int, int]:
    home = ScriptedHome(_SITE)
    home.processor_dies = dies
    job = await home.create()
    process = home.process("D1")
    await home.finish(home.drive(process, job))
    return await _outcome(home, job), len(process.steps), len(home.fetched)


@pytest.mark.parametrize("dies", [False, True], ids=["processor elsewhere", "processor dies too"])
async def test_a_driver_killed_before_any_step_changes_nothing_in_the_end(dies: bool) -> None:  # noqa: FBT001
    """Same library, same verdicts, one end, whichever write or read was the last: kill anything, at any moment."""
    wanted, steps, fetches = await _undisturbed(dies=dies)
    for kill_at in range(1, steps + 1):
        home = ScriptedHome(_SITE)
        home.processor_dies = dies
        job = await home.create()
        first = home.process("D1")
        first.kill_at = kill_at
        await home.finish(home.drive(first, job))
        await home.finish(home.drive(home.process("D2"), job))

        assert await _outcome(home, job) == wanted, f"killed before step {kill_at}: {first.steps[-1]}"
        await _check(home, job)
        assert len(home.fetched) <= fetches + 2 * 2, f"killed before step {kill_at}: too much was fetched again"


async def test_two_drivers_killed_one_after_the_other_change_nothing_either() -> None:
    """What recovery itself leaves half done must be recovered too."""
    wanted, steps, _ = await _undisturbed(dies=False)
    for kill_at in range(3, steps, 7):
        for second_kill_at in range(1, 24, 2):
            home = ScriptedHome(_SITE)
            job = await home.create()
            first, second = home.process("D1"), home.process("D2")
            first.kill_at, second.kill_at = kill_at, second_kill_at
            await home.finish(home.drive(first, job))
            await home.finish(home.drive(second, job))
            await home.finish(home.drive(home.process("D3"), job))

            assert await _outcome(home, job) == wanted, f"killed before steps {kill_at} and {second_kill_at}"
            await _check(home, job)


async def test_a_store_that_is_away_for_a_while_costs_time_only() -> None:
    """A fault of a store is waited out, whichever call it hits: it never fails a job."""
    wanted, _, fetches = await _undisturbed(dies=False)
    names = sorted({*(await _names())})
    for name in names:
        home = ScriptedHome(_SITE)
        job = await home.create()
        process = home.process("D1")
        process.refuse(name, 3)
        await home.finish(home.drive(process, job))

        assert home.meta(job).state is JobState.COMPLETED, name
        assert await _outcome(home, job) == wanted, name
        await _check(home, job)
        if not name.startswith("raw."):
            assert len(home.fetched) == fetches, name


async def _names() -> list[str]:
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    await home.finish(home.drive(process, job))
    return [name for name in process.steps if name != "raw.put"]


async def test_a_lost_answer_costs_time_only() -> None:
    """The write has happened and nobody learned of it: repeating it must be harmless."""
    wanted, _, fetches = await _undisturbed(dies=False)
    for name in (
        "leases.take", "leases.renew", "leases.update", "leases.release", "log.append", "log.read", "journal.commit",
        "journal.redo", "jobs.get", "queue.urls", "batches.get_many", "content.put", "content.get", "libraries.get",
        "libraries.move_pointer", "libraries.free",
    ):  # fmt: skip
        home = ScriptedHome(_SITE)
        job = await home.create()
        process = home.process("D1")
        process.lose_answer(name, 2)
        await home.finish(home.drive(process, job))

        assert await _outcome(home, job) == wanted, name
        await _check(home, job)
        assert len(home.fetched) == fetches, name
