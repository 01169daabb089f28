"""What operators are told of streams, however they end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from runnel.web.stream_report import StreamReport
from tests.support.homes import ScriptedHome
from tests.support.told import Told


async def frames() -> AsyncGenerator[bytes, None]:
    """Two frames."""
    yield b"12"
    yield b"345"


async def broken() -> AsyncGenerator[bytes, None]:
    """One frame, then a bug."""
    yield b"12"
    raise ValueError("a bug")


@pytest.mark.parametrize(("how", "sent"), [("job_over", 5), ("disconnected", 2), ("bug", 2)])
async def test_a_stream_is_told_with_how_it_ended_and_counted_while_it_is_open(how: str, sent: int) -> None:
    """A count that does not come back to where it was is a leak."""
    home, told, report = ScriptedHome({}), Told(), StreamReport()
    job = await home.create()
    services = replace(home.outside.services, telemetry=told)
    source = broken() if how == "bug" else frames()
    watched = report.watch(services, job, source, after=3, why=lambda: how)
    try:
        async with aclosing(watched) as stream:
            async for _ in stream:
                if how == "disconnected":
                    break
    except ValueError:
        assert how == "bug"
    (started, started_job, began), (ended, ended_job, fields) = told.lines

    assert (started, began["after"], ended) == ("stream_started", 3, "stream_ended")
    assert started_job == ended_job == job.job_id
    assert (fields["how"], fields["bytes_sent"]) == ("disconnected" if how == "bug" else how, sent)
    assert [measures["active_streams"] for _, measures in told.measures] == [1, 0]
    assert report.active == 0
