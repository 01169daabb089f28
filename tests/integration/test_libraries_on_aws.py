"""The use cases of libraries over DynamoDB and S3: the very tests that hold them over the stores in memory.

What differs there is how an object is missing, listed, replaced and refused; how a record is claimed and freed; and how
much fits into an item. The few that run always touch each use case once; the others are for `make soak`.
"""

import inspect
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from tests.support.stored_home import StoredHome, Way, way_to_stores
from tests.unit.usecases import (
    test_collect_garbage,
    test_delete_library,
    test_diff_library,
    test_edit_pages,
    test_export_library,
    test_generations,
    test_index_library,
    test_publish_safety,
    test_replay_library,
    test_report_crawl,
    test_steps,
    test_verify_library,
)

#: Those that run always: deletion and collection, steps and index, replay, rollback and repair.
ALWAYS = {
    "test_nothing_of_a_deleted_library_is_left",
    "test_a_later_step_asks_no_site",
    "test_the_same_extractor_makes_the_same_library",
    "test_every_kept_generation_is_looked_at_and_a_shared_path_once",
}
#: What a test does that can be done to stores in memory only.
LEFT_OUT = {
    "test_the_folder_that_shows_the_library_is_looked_at_too": "it rewrites a record, and Lambda has no folder",
    "test_a_job_ends_when_all_that_its_library_shows_is_indexed": "its drivers live for less than a real second",
}

_MODULES = (
    test_collect_garbage, test_delete_library, test_diff_library, test_edit_pages, test_export_library,
    test_generations, test_index_library, test_publish_safety, test_replay_library, test_report_crawl, test_steps,
    test_verify_library,
)  # fmt: skip


def _cases() -> list[Any]:
    """Every asynchronous test of these modules with each set of its parameters."""
    found = []
    for module in _MODULES:
        for name, test in inspect.getmembers(module, inspect.iscoroutinefunction):
            if name.startswith("test_") and name not in LEFT_OUT:
                marks = () if name in ALWAYS else (pytest.mark.soak,)
                for number, fields in enumerate(_parameters(test)):
                    found.append(pytest.param(module, test, fields, id=f"{name[5:]}-{number}", marks=marks))
    return found


def _parameters(test: Any) -> list[dict[str, Any]]:
    """The arguments that `parametrize` would give."""
    sets: list[dict[str, Any]] = [{}]
    for mark in getattr(test, "pytestmark", ()):
        names = [one.strip() for one in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
        values = [one if len(names) > 1 else (one,) for one in mark.args[1]]
        sets = [{**fields, **dict(zip(names, value, strict=True))} for fields in sets for value in values]
    return sets


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    """One guard for all of them: it is never told to fail anything."""
    with way_to_stores() as made:
        yield made


@pytest.mark.parametrize(("module", "test", "fields"), _cases())
async def test_holds_on_dynamodb_and_s3(
    module: ModuleType,
    test: Any,
    fields: dict[str, Any],
    *,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """As it does in memory."""
    monkeypatch.setattr(module, "ScriptedHome", partial(StoredHome, way=way))
    asked = {name for name in inspect.signature(test).parameters if name not in fields}
    await test(**fields, **{name: request.getfixturevalue(name) for name in asked})
