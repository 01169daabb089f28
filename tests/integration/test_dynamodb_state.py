"""Records of the table that this Runnel cannot read: newer, or damaged. They are refused, and stay as they are."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from runnel.errors import StateUnreadable
from tests.contract.makers import TENANT, make_job
from tests.support.dynamodb_stores import AwsStores, make_stores, past_the_guard

_META: Any = {"pk": {"S": f"T#{TENANT}#JOB#job1"}, "sk": {"S": "META"}}


@pytest.fixture
async def stores() -> AsyncIterator[AwsStores]:
    async with make_stores() as opened:
        yield opened


def _change(stores: AwsStores, expression: str, **values: Any) -> None:
    known: Any = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    past_the_guard().update_item(TableName=stores.table, Key=_META, UpdateExpression=expression, **known)


def _read(stores: AwsStores) -> Any:
    return past_the_guard().get_item(TableName=stores.table, Key=_META, ConsistentRead=True)["Item"]


async def test_a_job_of_a_newer_runnel_is_refused_and_left_as_it_is(stores: AwsStores) -> None:
    """A stack that was rolled back must not drive what it does not understand."""
    job = await stores.jobs.create(make_job())
    _change(stores, "SET v = :two", two={"N": "2"})
    before = _read(stores)

    with pytest.raises(StateUnreadable) as refused:
        await stores.jobs.get(TENANT, job.job_id)
    assert "newer Runnel" in refused.value.message
    assert "Deploy that version" in refused.value.message
    assert _read(stores) == before


@pytest.mark.parametrize("damage", ["REMOVE sr", "REMOVE st", "SET cr = :nothing", "SET op = :nothing"])
async def test_a_damaged_record_is_one_sentence(stores: AwsStores, damage: str) -> None:
    """Somebody edited the table by hand."""
    await stores.jobs.create(make_job())
    _change(stores, damage, **({"nothing": {"S": "?"}} if ":" in damage else {}))

    with pytest.raises(StateUnreadable, match="job1 is damaged"):
        await stores.jobs.get(TENANT, "job1")
