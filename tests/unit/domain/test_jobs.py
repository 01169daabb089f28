"""States and the moves between them; options and their bounds."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from runnel.domain.jobs import TERMINAL, TRANSITIONS, Job, JobOptions, JobState, Sign, Source, Wish, check_move
from runnel.errors import JobConflict

_JOB = Job(
    tenant="t", job_id="j", library_id="docs", sources=(Source(source_id="main", url="https://a.example/"),),
    created_at=datetime(2026, 1, 31, tzinfo=UTC),
)  # fmt: skip


def test_every_state_has_its_moves() -> None:
    """The diagram in the documents is drawn from this table."""
    assert TRANSITIONS.keys() == set(JobState)
    assert {JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED} == TERMINAL


@pytest.mark.parametrize("old", JobState)
@pytest.mark.parametrize("new", JobState)
def test_only_what_the_table_allows_may_happen(old: JobState, new: JobState) -> None:
    """A terminal state is never left, whoever asks."""
    if new is old or new in TRANSITIONS[old]:
        check_move(old, new)
        return

    with pytest.raises(JobConflict) as refused:
        check_move(old, new)
    assert refused.value.code == ("terminal" if old in TERMINAL else "state")


def test_every_end_can_be_reached_and_none_can_be_left() -> None:
    """A job always ends: from each state some end is near."""
    for state in set(JobState) - TERMINAL:
        assert TRANSITIONS[state] & TERMINAL
    for state in TERMINAL:
        assert not TRANSITIONS[state]


@pytest.mark.parametrize(
    ("state", "wish", "wants"),
    [
        (JobState.QUEUED, None, True), (JobState.RUNNING, Wish.PAUSE, True), (JobState.PAUSED, Wish.PAUSE, False),
        (JobState.PAUSED, None, False), (JobState.PAUSED, Wish.CANCEL, True), (JobState.COMPLETING, None, True),
        (JobState.COMPLETED, None, False), (JobState.CANCELLED, Wish.CANCEL, False),
    ],
)  # fmt: skip
def test_who_wants_a_driver(state: JobState, wish: Wish | None, wants: bool) -> None:  # noqa: FBT001
    """A paused job costs nothing, unless it is to be cancelled."""
    assert replace(_JOB, state=state, wish=wish).wants_driver is wants


def test_a_sign_of_life_is_owner_term_and_beat() -> None:
    """Taking is conditional on all three."""
    sign = Sign.of(_JOB)

    assert sign == Sign(owner=None, term=0, beat=0)
    for change in ({"owner": "x"}, {"term": 1}, {"beat": 1}):
        assert Sign.of(replace(_JOB, **change)) != sign


def test_the_first_source_names_the_job() -> None:
    """A job of a library without sources has no URL to show."""
    assert _JOB.url == "https://a.example/"
    assert replace(_JOB, sources=()).url is None


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0}, {"limit": 1_000_001}, {"concurrency": 0}, {"concurrency": 101}, {"timeout_s": 0}, {"nonsense": 1},
        {"scope": "world"}, {"max_depth": -1}, {"headers": {"Authorization": "Bearer abc"}}, {"user_agent": "a\r\n"},
        {"include": [""]}, {"exclude": ["x" * 501]}, {"max_usd": 0}, {"limit": True}, {"headers": {"User-Agent": "a"}},
    ],
)  # fmt: skip
def test_an_option_out_of_bounds_is_refused(options: dict[str, object]) -> None:
    """Every limit has an upper end too, and a secret is a reference, never a value."""
    with pytest.raises(ValidationError):
        JobOptions.model_validate(options)
