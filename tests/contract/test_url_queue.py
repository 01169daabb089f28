"""What every URL queue promises (runnel/ports/url_queue.py)."""

from dataclasses import replace

from runnel.domain.segments import Effects, Flush
from runnel.domain.verdicts import AssetFacts, QueuedUrl, RuledOut, SkipReason, UrlVerdict, Verdict
from tests.contract.bundle import Stores
from tests.contract.makers import TENANT, do_nothing, driven_job, invoke_nothing, make_flush, make_segment


async def commit(stores: Stores, flush: Flush) -> None:
    await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)


async def test_a_job_without_flushes_has_an_empty_queue(stores: Stores) -> None:
    """A new driver asks before anything was written."""
    await driven_job(stores)

    assert await stores.queue.urls(TENANT, "job1") == []
    assert await stores.queue.verdicts(TENANT, "job1") == []
    assert await stores.queue.ruled_out(TENANT, "job1") == []


async def test_urls_come_back_with_depth_parent_and_segment(stores: Stores) -> None:
    """The frontier is rebuilt from them; whether they count is decided by their segment [url_flush]."""
    await driven_job(stores)
    flushes = [make_flush(), make_flush(segment=make_segment(3))]
    for flush in flushes:
        await commit(stores, flush)

    assert set(await stores.queue.urls(TENANT, "job1")) == {url for flush in flushes for url in flush.new_urls}


async def test_a_url_found_again_in_a_later_term_stands_twice(stores: Stores) -> None:
    """The first one's segment may never have come into the log; then the second one counts."""
    await driven_job(stores)
    url = QueuedUrl(url="https://docs.example.com/a", depth=1, parent=None, first=1, term=1)
    again = replace(url, first=2, term=2)
    for queued in (url, again):
        segment = make_segment(queued.first, count=1, term=queued.term)
        await commit(stores, Flush(tenant=TENANT, job_id="job1", segment=segment, new_urls=(queued,)))

    assert set(await stores.queue.urls(TENANT, "job1")) == {url, again}


async def test_verdicts_and_ruled_out_urls_come_back_as_they_were_put(stores: Stores) -> None:
    """Each URL that was ever seen has a verdict with its reason."""
    await driven_job(stores)
    flush = make_flush()
    await commit(stores, flush)
    verdicts = await stores.queue.verdicts(TENANT, "job1")
    ruled_out = await stores.queue.ruled_out(TENANT, "job1")

    assert {verdict.url: verdict for verdict in verdicts} == {v.url: v for v in flush.effects.verdicts}
    assert len(verdicts) == len(flush.effects.verdicts)
    assert sorted(ruled_out, key=lambda url: url.url) == sorted(flush.effects.ruled_out, key=lambda url: url.url)


async def test_what_is_known_of_a_file_comes_back_whichever_was_written_last(stores: Stores) -> None:
    """Its size is told after its verdict; a successor may put the verdict again, behind it or together with it."""
    await driven_job(stores)
    file = RuledOut(url="https://a.example/m.pdf", reason=SkipReason.ASSET, rule="pdf", parent=None, depth=1)
    known = replace(file, facts=AssetFacts(status=200, content_type="application/pdf", size_bytes=9))
    page = UrlVerdict(url="https://a.example/p", verdict=Verdict.FAILED, facts=known.facts)
    told = Effects(ruled_out=(known,), verdicts=(page,))
    found = Effects(ruled_out=(file,))
    segments = make_segment(1, count=1), make_segment(2, count=1)
    for segment, effects in zip(segments, (found, told), strict=True):
        await commit(stores, Flush(tenant=TENANT, job_id="job1", segment=segment, effects=effects))
    for again in (found, Effects(ruled_out=(file, known)), found):
        await stores.journal.redo(TENANT, "job1", again, applied=("driver", 1, 2))

    assert await stores.queue.ruled_out(TENANT, "job1") == [known]
    assert await stores.queue.verdicts(TENANT, "job1") == [page]


async def test_verdicts_of_unchanged_pages_come_back_among_the_others(stores: Stores) -> None:
    """A store may pack them, and a successor may put them again: each is reported once."""
    await driven_job(stores)
    urls = [f"https://docs.example.com/{number:04}/" + "long/" * 40 for number in range(300)]
    kinds = [Verdict.UNCHANGED if number % 3 else Verdict.FETCHED for number in range(300)]
    verdicts = tuple(
        UrlVerdict(url=url, verdict=kind, final_url=url, status=304, attempts=1, body_hash="b" * 64)
        for url, kind in zip(urls, kinds, strict=True)
    )
    effects = Effects(verdicts=verdicts)
    await commit(stores, Flush(tenant=TENANT, job_id="job1", segment=make_segment(), effects=effects))
    await stores.journal.redo(TENANT, "job1", effects, applied=("driver", 1, 2))
    found = await stores.queue.verdicts(TENANT, "job1")

    assert sorted(found, key=lambda verdict: verdict.url) == list(verdicts)


async def test_a_long_queue_is_read_to_its_end(stores: Stores) -> None:
    """A URL that is not read is a page that is missing: every page of results is followed."""
    await driven_job(stores)
    segment = make_segment()
    paths = [f"https://docs.example.com/{number:05}/" + "long/" * 60 for number in range(2500)]
    urls = tuple(QueuedUrl(url=path, depth=1, parent=paths[0], first=1, term=1) for path in paths)
    ruled_out = tuple(
        RuledOut(url=f"{path}x", reason=SkipReason.DEPTH, rule="depth", parent=path, depth=3) for path in paths
    )
    verdicts = tuple(UrlVerdict(url=path, verdict=Verdict.FETCHED, attempts=1) for path in paths)
    effects = Effects(ruled_out=ruled_out, verdicts=verdicts)
    await commit(stores, Flush(tenant=TENANT, job_id="job1", segment=segment, new_urls=urls, effects=effects))

    assert {url.url for url in await stores.queue.urls(TENANT, "job1")} == set(paths)
    assert {verdict.url for verdict in await stores.queue.verdicts(TENANT, "job1")} == set(paths)
    assert set(await stores.queue.ruled_out(TENANT, "job1")) == set(ruled_out)
    assert len(await stores.queue.ruled_out(TENANT, "job1")) == len(paths)
