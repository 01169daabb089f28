"""The stores of the Lambda home are away for half a minute: the job waits, and loses and doubles nothing."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from runnel.adapters.system.clock import SystemClock
from tests.e2e.test_kills_lambda import running_stack
from tests.support.attached_reader import AttachedReader
from tests.support.dynamodb_guard import Call, Fault
from tests.support.kill_report import read_result

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_800)]

_PAGES = 200
_AWAY = timedelta(seconds=30)


def _is_of(store: str, call: Call) -> bool:
    return store in {"both", "s3" if call.operation.endswith(("Object", "ObjectsV2")) else "dynamodb"}


@pytest.mark.parametrize("store", ["dynamodb", "s3", "both"])
async def test_a_store_that_is_away_for_half_a_minute_costs_time_only(tmp_path: Path, store: str) -> None:
    """Nobody can be reached: no page fails for that, and the counts are those of a recount."""
    async with running_stack(tmp_path, _PAGES, 4, RUNNEL_BATCH_OVERDUE_S="60") as stack:
        assert stack.home.guard is not None
        job_id = await stack.create("away")
        reader = AttachedReader(stack.address, job_id, stack.headers)
        reading = asyncio.create_task(reader.run())
        await stack.site.wait_requests(_PAGES // 4)
        stack.home.guard.fail(lambda call: Fault.DROP if _is_of(store, call) else None)
        await SystemClock().sleep(_AWAY)
        stack.home.guard.calm()
        await reading
        result = await read_result(stack.home.url, job_id, "away", stack.headers)
        fetched = Counter(path for path in stack.site.paths() if path.startswith("/docs/"))
    counts = {name: number for name, number in result.log[-1]["counts"].items() if number}
    again = sum(fetched.values()) - len(fetched)
    handovers = [event["reason"] for event in result.log if event["type"] == "handover"]
    print(f"{store} away for {_AWAY.seconds} s: {counts}, {again} pages fetched again, hand-overs {handovers}")  # noqa: T201

    assert [event["seq"] for event in result.log] == list(range(1, len(result.log) + 1))
    assert [frame.event for frame in reader.frames] == result.log
    assert counts == {"seen": _PAGES, "fetched": _PAGES}
    assert Counter(result.verdicts.values()) == {"fetched": _PAGES}
    assert len(result.library) == _PAGES
