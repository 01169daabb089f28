"""What to do about a missing page."""

from runnel.domain.advice import ADVICE
from runnel.domain.jobs import EndedBecause
from runnel.domain.verdicts import ErrorCategory, SkipReason


def test_every_reason_and_every_category_has_its_advice() -> None:
    """A reason without a way out is a dead end."""
    ends = {because.value for because in EndedBecause} - {"done", "limit"}

    assert {*SkipReason, *ErrorCategory, *ends, "not_linked"} == ADVICE.keys()
    assert all(text and not text.endswith(".") for text in ADVICE.values())
