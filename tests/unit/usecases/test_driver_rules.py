"""The rules that keep two drivers of one job apart; each test is named after its rule in the commit model."""

import gzip
from collections import Counter

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.domain.libraries import Pointer
from runnel.domain.segments import Segment
from runnel.errors import LeaseLost
from runnel.usecases.leasing import take_lease
from runnel.usecases.recording import Recorder
from runnel.usecases.run_crawl import Drive
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Process

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(12)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


async def _invoke(_batch_id: str) -> None:
    """Nobody processes."""


def _slow() -> ScriptedHome:
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    return home


async def test_unique_owner_one_invocation_that_comes_twice_is_two_runs() -> None:
    """Lambda delivers an event twice: the second run must not take the first one's lease for its own."""
    home = _slow()
    job = await home.create(concurrency=2)
    process = home.process("D1")
    runs = [home.drive(process, job), home.drive(process, job)]
    await home.clock.advance(3)
    owners = [home.meta(job).owner]
    ends = Counter([await home.finish(run) for run in runs])

    assert owners != [None]
    assert ends == {Drive.ENDED: 1, Drive.NO_LEASE: 1}
    assert sorted(home.fetched) == sorted(_SITE)
    assert len(home.of_type(job, e.JobStarted, e.Handover)) == 1


async def test_local_ttl_stops_the_dispatch_of_a_driver_that_cannot_renew() -> None:
    """Others may drive after the ttl: from then on nothing more may leave this driver, though its loop goes on."""
    home = ScriptedHome({"/": ScriptedPage(text="home", links=tuple(f"/{n}" for n in range(200)))})
    home.latency_s = 1.0
    job = await home.create(concurrency=2)
    process = home.process("D1")
    task = home.drive(process, job)
    await home.clock.advance(6)
    process.refuse("leases.renew")
    at_s = home.clock.monotonic()
    sent_at: list[float] = []
    home.on_fetch = lambda _path: sent_at.append(home.clock.monotonic() - at_s)
    await home.clock.advance(60)
    stood_still = len(sent_at)
    process.refused.clear()
    await home.clock.advance(6)

    assert 8 < max(sent_at[:stood_still]) <= 12
    assert len(sent_at) > stood_still, "a renewal that is acknowledged lets it go on"
    process.kill()
    await home.finish(task)


async def test_clock_runs_while_a_process_is_frozen() -> None:
    """A driver that wakes after the ttl sends nothing, not even what it was about to send."""
    home = _slow()
    job = await home.create(concurrency=2)
    process = home.process("D1")
    task = home.drive(process, job)
    await home.clock.advance(4.6)
    process.running.clear()
    await home.clock.advance(13)
    fetched = len(home.fetched)
    process.refuse("leases.renew")
    process.running.set()
    await home.clock.advance(3.5)

    assert len(home.fetched) == fetched
    process.kill()
    await home.finish(task)


async def _recorder(process: Process, job: Job) -> Recorder:
    taken = await take_lease(process.services, TENANT, job.job_id)
    assert taken is not None
    recorder = Recorder(process.services, taken.job, taken.lease, invoke=_invoke)
    await recorder.write_barrier(taken.reason)
    await recorder.read_state()
    return recorder


@pytest.mark.parametrize("term", [0, 1, 2])
async def test_terms_decide_whoever_finds_its_place_taken_after_its_barrier_is_the_zombie(term: int) -> None:
    """Though its lease is good and its clock says so: no other explanation is left."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    recorder = await _recorder(home.process("D1"), job)
    before = home.meta(job)
    event = e.Log(job_id=job.job_id, time=job.created_at, seq=3, level="info", message="of another")
    other = Segment(first=3, term=term, owner="another", lines=(e.encode_event(event),))
    await home.outside.services.log.append(TENANT, job.job_id, other)
    recorder.emit(e.Log, level="info", message="ours")

    with pytest.raises(LeaseLost):
        await recorder.flush()
    assert home.meta(job) == before
    assert [line.type for line in home.log(job)[-1:]] == ["log"]
    assert home.log(job)[-1] == event


async def test_active_first_the_library_is_free_before_the_job_leaves_the_active_ones() -> None:
    """Killed in between, the job is found by the sweep; the other way round its library would be busy for ever."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    first = home.process("D1")
    first.kill_before = "leases.release"
    await home.finish(home.drive(first, job))
    library = home.state.libraries[TENANT, job.library_id]
    found = await home.outside.services.jobs.active()

    assert library.active_job is None
    assert found == [(TENANT, job.job_id)]
    sweep = Sweep(home.outside.services)
    await sweep.run()
    await home.clock.advance(13)
    assert await sweep.run() == 1
    assert await home.finish(home.drive(home.process("D2"), job)) is Drive.ENDED
    assert home.meta(job).state is JobState.COMPLETED


async def test_publishing_mark_stands_in_meta_before_the_pointer_moves() -> None:
    """A cancel that is acknowledged while the pointer moves would be a lie."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    marked: list[tuple[bool, JobState]] = []

    async def look() -> None:
        marked.append((home.meta(job).publishing, home.meta(job).state))

    process.before["libraries.move_pointer"] = look
    await home.finish(home.drive(process, job))

    assert marked == [(True, JobState.COMPLETING)]


async def test_by_each_job_a_neighbour_that_published_after_a_lost_driver_hides_nothing() -> None:
    """The pointer names the last publisher only: the successor must find its own job behind it."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.lose_answer("libraries.move_pointer")
    task = home.drive(process, job)
    await home.until(lambda: home.state.libraries[TENANT, job.library_id].pointer.generation == 1, step_s=0.001)
    process.kill()
    await home.finish(task)
    services = home.outside.services
    library = await services.libraries.get(TENANT, job.library_id)
    assert library is not None
    await services.content.put(TENANT, "generations/x/part.gz", gzip.compress(b""))
    await services.content.put(TENANT, "generations/x/manifest.json", b'{"parts": ["part.gz"]}')
    pointer = Pointer(generation=2, path="generations/x", published_by="other", pages=0)
    assert await services.libraries.move_pointer(library, pointer, job_id="other")
    await home.finish(home.drive(home.process("D2"), job))

    assert [event.generation for event in home.of_type(job, e.LibraryPublished)] == [1]
    assert home.state.libraries[TENANT, job.library_id].pointer == pointer
