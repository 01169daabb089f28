"""Publishing what a job left, looking at it before, and going back: by hand, and each once."""

import asyncio

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.errors import (
    GenerationNotFound,
    JobConflict,
    JobNotFound,
    LibraryNotFound,
    ManifestDamaged,
    PublicationHeld,
)
from runnel.usecases.control_job import cancel_job
from runnel.usecases.generations import diff_job, list_generations, publish_job, roll_back
from runnel.usecases.site_profiles import SAMPLE_LINKS
from tests.support.homes import TENANT, ScriptedHome
from tests.unit.usecases.test_publish_safety import NAMES, library_of, site


async def crawled_twice(*names: str) -> tuple[ScriptedHome, Job]:
    """A library of eleven pages, and a crawl that found these leaves: one with three less is held."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    home.pages = site(*names)
    return home, await home.crawl()


async def test_a_held_result_is_published_on_request_and_only_once() -> None:
    """The operator looks, and decides."""
    home, job = await crawled_twice(*NAMES[:7])
    services = home.outside.services
    with pytest.raises(PublicationHeld, match="3 of 11 pages would go"):
        await publish_job(services, TENANT, job.library_id)
    published = await publish_job(services, TENANT, job.library_id, force=True)
    again = await publish_job(services, TENANT, job.library_id, job.job_id, force=True)

    assert (published.generation, published.removed) == (2, 3)
    assert again.generation == 2
    assert library_of(home, job).pointer.generation == 2
    assert set(await home.library(job)) == {"/", *NAMES[:7]}


async def test_what_a_held_result_would_change_is_shown_before_it_is_published() -> None:
    """Page by page, those that would go among them: whoever forces it knows what he does."""
    home, job = await crawled_twice(*NAMES[:7])
    services = home.outside.services
    shown = [one async for one in diff_job(services, TENANT, job.library_id, job.job_id)]
    published = await publish_job(services, TENANT, job.library_id, force=True)

    assert [(one.kind, home.path_of(one.page.url)) for one in shown] == [("removed", f"/{name}") for name in (7, 8, 9)]
    assert (published.removed, published.changed) == (3, 0)
    assert [one async for one in diff_job(services, TENANT, job.library_id, job.job_id)] == []


@pytest.mark.parametrize("is_named", [True, False])
async def test_a_result_that_was_published_and_taken_back_is_not_said_to_be_shown(*, is_named: bool) -> None:
    """Whoever asks for it again is told that the library shows something else, and how to get there."""
    home, job = await crawled_twice(*NAMES[:7])
    services = home.outside.services
    await publish_job(services, TENANT, job.library_id, force=True)
    await roll_back(services, TENANT, job.library_id)
    with pytest.raises(
        JobConflict, match=rf"as generation 2.* shows 3 .*runnel rollback {job.library_id} 2"
    ) as refused:
        await publish_job(services, TENANT, job.library_id, job.job_id if is_named else None, force=True)

    assert refused.value.code == "published"
    assert set(await home.library(job)) == {"/", *NAMES}


async def test_what_a_cancelled_job_brought_can_be_published_without_taking_anything_away() -> None:
    """It saw a part of the site only."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    more = tuple(f"/more{number}" for number in range(SAMPLE_LINKS - 3))
    home.pages = site("/new", *NAMES[:3], *more)
    job = await home.create()
    process = home.process("D2")
    gate = home.hold(more[-1])  # the one page that is not of the sample
    task = home.drive(process, job)
    await home.until(lambda: len(home.of_type(job, e.BatchProcessed)) > 0)
    await cancel_job(home.outside.services, TENANT, job.job_id)
    gate.set()
    await home.finish(task)
    await publish_job(home.outside.services, TENANT, job.library_id, job.job_id)

    assert home.meta(job).state is JobState.CANCELLED
    assert set(await home.library(job)) == {"/", "/new", *NAMES, *more[:-1]}


async def test_publishing_by_hand_refuses_what_makes_no_sense() -> None:
    """One sentence each."""
    home = ScriptedHome(site(*NAMES))
    done = await home.crawl()
    services, library = home.outside.services, done.library_id
    running = await home.create()
    other = await home.create(library="other")
    wrong: tuple[tuple[type[Exception], tuple[str, str | None]], ...] = (
        (LibraryNotFound, ("nonsense", None)),
        (JobNotFound, (library, "nonsense")),
        (JobNotFound, (library, other.job_id)),
        (JobNotFound, (library, None)),
        (JobConflict, (library, running.job_id)),
    )
    for error, (name, job_id) in wrong:
        with pytest.raises(error):
            await publish_job(services, TENANT, name, job_id)

    home.pages = {}
    await home.finish(home.drive(home.process("D3"), running))
    with pytest.raises(JobConflict, match="no page"):
        await publish_job(services, TENANT, library, running.job_id)


async def test_rollback_forward_a_new_generation_with_old_parts() -> None:
    """Readers of any generation are undisturbed, and numbers never come twice."""
    home, job = await crawled_twice(*NAMES[:8], "/new")
    services = home.outside.services
    pointer = await roll_back(services, TENANT, job.library_id)

    assert pointer.generation == 3
    assert set(await home.library(job)) == {"/", *NAMES}
    assert pointer.path == library_of(home, job).kept[2].path
    assert [one.generation for one in await list_generations(services, TENANT, job.library_id)] == [3, 2, 1]

    back = await roll_back(services, TENANT, job.library_id, 2)

    assert back.generation == 4
    assert set(await home.library(job)) == {"/", *NAMES[:8], "/new"}


async def test_a_rollback_whose_answer_got_lost_happens_once() -> None:
    """The write is repeated, finds itself done, and says which generation it was."""
    home, job = await crawled_twice(*NAMES[:8])
    process = home.process("user")
    process.lose_answer("libraries.move_pointer")
    task = asyncio.create_task(roll_back(process.services, TENANT, job.library_id))
    await home.until(task.done)

    assert task.result().generation == 3
    assert library_of(home, job).pointer.generation == 3


async def test_what_is_not_kept_cannot_be_rolled_back_to() -> None:
    """Nor what is damaged: the library would show nothing."""
    home = ScriptedHome(site(*NAMES))
    job = await home.crawl()
    services = home.outside.services
    with pytest.raises(GenerationNotFound, match="no earlier"):
        await roll_back(services, TENANT, job.library_id)
    with pytest.raises(GenerationNotFound, match=r"7 of .* is not kept; kept: 1"):
        await roll_back(services, TENANT, job.library_id, 7)
    await home.crawl()
    home.state.objects.pop((TENANT, f"{library_of(home, job).kept[1].path}/manifest.json"))
    with pytest.raises(ManifestDamaged, match="missing"):
        await roll_back(services, TENANT, job.library_id)
