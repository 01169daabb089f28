"""What a site says about the use of its content: the `Content-Signal` lines of its robots.txt (contentsignals.org).

Laws (tests/unit/robots/test_signals.py):

* three uses are known, each `yes`, `no` or not spoken of; anything else in a line is passed over;
* where lines contradict each other, `no` holds;
* a signal changes nothing about what may be fetched, unless somebody asks that it does.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from runnel.robots.records import Record
from runnel.robots.steps import Steps, pauses


class ContentSignal(NamedTuple):
    """Whether a use is allowed, and the line that says so."""

    is_allowed: bool
    record: Record


#: By use.
ContentSignals = Mapping[str, ContentSignal]

#: What content may be used for: an index, whose results are links and short excerpts; input of a model that answers
#: (retrieval, grounding); training a model or tuning one.
USES: Final = ("search", "ai-input", "ai-train")

#: What a Runnel library is for. Runnel trains nothing: `ai-train` is handed on.
OUR_USES: Final = ("search", "ai-input")

_ANSWERS: Final = {"yes": True, "no": False}
#: Characters of one line that count.
_MOST: Final = 16_384


def read_signals(records: Iterable[Record]) -> Steps[dict[str, ContentSignal]]:
    """Read the signals among *records*, in steps."""
    signals: dict[str, ContentSignal] = {}
    for record, is_over in pauses(records, lambda one: len(one.value)):
        if is_over:
            yield
        for part in record.value[:_MOST].split(",") if record.field == "content-signal" else ():
            use, _, answer = (word.strip().lower() for word in part.partition("="))
            if use in USES and answer in _ANSWERS and (use not in signals or answer == "no"):
                signals[use] = ContentSignal(_ANSWERS[answer], record)
    return signals


def refusal(signals: ContentSignals) -> str | None:
    """Give the line that forbids what Runnel makes of pages; None when none does."""
    lines = (signals[use].record for use in OUR_USES if use in signals and not signals[use].is_allowed)
    line = next(lines, None)
    return None if line is None else str(line)
