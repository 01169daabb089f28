"""Kills the driver at a step of its flush: the guard sees that request, and before or after it all is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.dynamodb_guard import Call, Fault
from tests.support.dynamodb_rules import Json, kind_of, put_or_key

#: The steps of a flush, in the commit order.
STEPS = ("urls", "append", "verdicts", "batch", "applied")


@dataclass(slots=True)
class FlushKiller:
    """A plan for the guard; `arm` it with a step."""

    kill: Callable[[], object]
    _step: str | None = None
    _is_after: bool = False
    struck: threading.Event = field(default_factory=threading.Event)

    def arm(self, step: str, *, is_after: bool) -> None:
        """Kill at the next request of *step*: before it is done, or when it is done and not yet answered."""
        self.struck.clear()
        self._is_after, self._step = is_after, step

    def __call__(self, call: Call) -> Fault | None:
        """Strike, when this is the step."""
        if self._step is None or step_of(call) != self._step:
            return None
        self._step = None
        self.kill()
        self.struck.set()
        return Fault.LOST if self._is_after else Fault.DROP


def step_of(call: Call) -> str | None:
    """Which step of a flush a request is."""
    body = call.body
    if call.operation == "BatchWriteItem":
        [entries] = body["RequestItems"].values()
        kind = kind_of(put_or_key(entries[0]))
        return {"U": "urls", "V": "verdicts", "V+": "verdicts"}.get(kind)
    if call.operation == "PutItem":
        return {"E": "append", "B": "batch"}.get(_kind(body))
    return "applied" if call.operation == "UpdateItem" and "ap = :seq" in body["UpdateExpression"] else None


def _kind(body: Json) -> str:
    item: Json = body["Item"]
    return kind_of(item)
