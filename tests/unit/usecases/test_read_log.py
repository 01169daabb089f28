"""A log as it stands: whole, or not shown at all."""

import pytest

from runnel.errors import EventsExpired
from runnel.usecases.read_log import has_more
from tests.support.homes import ScriptedHome, ScriptedPage


async def test_a_log_has_more_until_its_reader_has_the_end() -> None:
    """EventSource is told by a 204 not to come again."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    assert await has_more(home.outside.services, job, after=10**15)
    await home.finish(home.drive(home.process("D1"), job))
    over, last = home.meta(job), len(home.log(job))

    assert await has_more(home.outside.services, over, after=last - 1)
    assert not await has_more(home.outside.services, over, after=last)
    # META says it a moment later than the log: this is the job as it was read before.
    assert not job.is_over
    assert await has_more(home.outside.services, job, after=last - 1)
    assert not await has_more(home.outside.services, job, after=last)


@pytest.mark.parametrize("expired", ["the beginning", "all"])
async def test_of_a_log_past_its_retention_nothing_is_shown(expired: str) -> None:
    """A part would look like the whole; the answer is 410, not a gap."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()
    segments = home.state.segments[job.tenant, job.job_id]
    for first in sorted(segments)[: 1 if expired == "the beginning" else None]:
        del segments[first]

    with pytest.raises(EventsExpired):
        await has_more(home.outside.services, job, after=0)
