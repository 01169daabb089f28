"""Exit codes: what scripts go by."""

from typing import Any

import pytest

from runnel import errors
from runnel.cli.exit_codes import exit_code_of, exit_code_of_error


def make_end(
    kind: str, *, because: str = "done", ok: bool = True, fetched: int = 5, unchanged: int = 0
) -> dict[str, Any]:
    counts = {"fetched": fetched, "unchanged": unchanged}
    return {"type": f"job_{kind}", "ended_because": because, "ok": ok, "counts": counts}


@pytest.mark.parametrize(
    ("event", "held", "code"),
    [
        (make_end("completed"), False, 0),
        (make_end("completed", because="limit"), False, 0),
        (make_end("completed", ok=False), False, 3),
        (make_end("completed", because="limit", ok=False), False, 3),
        (make_end("completed"), True, 3),
        (make_end("completed", because="budget"), False, 5),
        (make_end("timeout", because="deadline"), False, 5),
        (make_end("failed", because="error", ok=False, fetched=0), False, 6),
        (make_end("failed", because="error", ok=False, fetched=0, unchanged=1), False, 1),
        (make_end("failed", because="error", ok=False), False, 1),
        (make_end("cancelled", because="user", ok=False), False, 3),
    ],
)
def test_the_end_of_a_job_is_a_code(event: dict[str, Any], held: bool, code: int) -> None:  # noqa: FBT001
    """Every way to end."""
    assert exit_code_of(event, held=held) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UrlInvalid(), 2),
        (errors.ConfigInvalid(), 4),
        (errors.JobNotFound(), 2),
        (errors.LibraryBusy(job_id="j"), 2),
        (errors.JobConflict("no", code="terminal"), 2),
        (errors.Unauthorized(), 7),
        (errors.RemoteFailed(), 7),
        (errors.StoreUnavailable(), 1),
        (errors.RunnelError(), 1),
    ],
)
def test_an_error_is_a_code(error: errors.RunnelError, code: int) -> None:
    """A wrong setting is a wrong input too, and still a code of its own."""
    assert exit_code_of_error(error) == code
