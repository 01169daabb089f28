"""Streams of the Lambda home, cut at any byte and ended by short windows: joined they are the log, each event once."""

import asyncio
import random
from pathlib import Path
from typing import get_args

import httpx
import pytest

from tests.site.server import EVERY
from tests.support.http_homes import TERMINAL, Frame, durable_frames
from tests.support.raw_stream import Cut, close_abandoned, raw_stream

from .test_kills_lambda import Stack, running_stack

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3_000), pytest.mark.xdist_group("lambda")]

_CUTS: tuple[Cut, ...] = get_args(Cut)
_LEAST, _READERS, _PAGES = 200, 4, 40


async def read_and_cut(stack: Stack, job_id: str, chance: random.Random) -> tuple[list[Frame], int, int]:
    """All frames of a job; how often its connections were cut, and how often a window ended one."""
    frames: list[Frame] = []
    cuts = windows = 0
    headers = "".join(f"{name}: {value}\r\n" for name, value in stack.headers.items())
    while not frames or frames[-1].type not in TERMINAL:
        size, last = int(chance.lognormvariate(7.6, 1.2)), frames[-1].id if frames else None
        path, cut = f"/v1/jobs/{job_id}/stream", chance.choice(_CUTS)
        async with raw_stream(stack.home.url, path, last=last, cut=cut, headers=headers) as stream:
            got = await stream.read(size)
            frames += durable_frames(got)
            cuts, windows = (cuts + 1, windows) if len(got) >= size else (cuts, windows + 1)
    return frames, cuts, windows


async def log_of(stack: Stack, job_id: str) -> list[bytes]:
    """The stored lines: the reference."""
    headers = {**stack.headers, "Accept": "application/x-ndjson"}
    async with httpx.AsyncClient(base_url=stack.home.url, headers=headers, timeout=60) as client:
        return (await client.get(f"/v1/jobs/{job_id}/events")).content.splitlines()


async def test_two_hundred_cuts_of_the_lambda_home_lose_and_double_nothing(tmp_path: Path) -> None:
    """Each connection is an invocation of its own, most often in another process than the driver's."""
    cuts = windows = jobs = events = 0
    async with running_stack(tmp_path, _PAGES, 2, RUNNEL_FOLLOW_WINDOW_S="2") as stack:
        stack.site.delay(EVERY, 0.1)
        while cuts < _LEAST:
            jobs += 1
            job_id = await stack.create(f"cut-{jobs}")
            chances = [random.Random(1_000 * jobs + reader) for reader in range(_READERS)]
            joined = await asyncio.gather(*(read_and_cut(stack, job_id, chance) for chance in chances))
            log = await log_of(stack, job_id)
            for frames, cut, ended in joined:
                assert [frame.data for frame in frames] == log
                assert [frame.id for frame in frames] == [f"{job_id}.{seq}" for seq in range(1, len(log) + 1)]
                cuts, windows, events = cuts + cut, windows + ended, events + len(frames)
            await close_abandoned()

    print(f"Lambda: {cuts} cuts, {windows} windows ended, {jobs} jobs, {events} events read: 0 gaps, 0 doubles")  # noqa: T201 - for the record
