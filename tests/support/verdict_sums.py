"""Promise 3, asked of every job that ends before a test's eyes: its verdicts add up to the URLs that it has seen.

* Of any end: the sum of the verdicts is what was seen.
* Of a whole log: the numbers of the end are those of its events, what was seen is what was told, no URL ends twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from runnel.domain.verdicts import Verdict

ENDS = frozenset({"job_completed", "job_failed", "job_timeout", "job_cancelled"})
_VERDICTS = tuple(verdict.value for verdict in Verdict)
#: An event that is the verdict of the URL that it names.
_OF_ONE = frozenset({"url_crawled", "url_failed", "url_skipped"})

Event = Mapping[str, Any]


def check_verdicts(events: Iterable[Event]) -> None:
    """Check each job of which *events* tell the end; of jobs that have not ended nothing is known yet."""
    by_job: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if isinstance(event.get("seq"), int) and "job_id" in event:
            by_job[event["job_id"]].append(event)
    for log in by_job.values():
        if log[-1].get("type") in ENDS:
            check_counts(log[-1]["counts"])
            if [event["seq"] for event in log] == list(range(1, len(log) + 1)):
                _check_log(log)


def check_counts(counts: Mapping[str, int]) -> None:
    """The sum of the verdicts is what was seen, and none is below nothing."""
    by_verdict = {verdict: counts[verdict] for verdict in _VERDICTS}
    assert counts["seen"] == sum(by_verdict.values()), counts
    assert min(by_verdict.values()) >= 0, counts


def _check_log(log: list[Event]) -> None:
    counts: Mapping[str, int] = log[-1]["counts"]
    named = Counter(event["url"] for event in log if event["type"] in _OF_ONE)
    told = sum(event["count"] for event in log if event["type"] in {"source_started", "urls_discovered"})
    crawled = Counter(event["outcome"] for event in log if event["type"] == "url_crawled")
    ruled_out = [event for event in log if event["type"] == "urls_discovered"]
    skipped = sum(event["type"] == "url_skipped" for event in log)
    skipped += sum(sum(event["skipped"].values()) - event["reconsidered"] for event in ruled_out)

    assert {url: times for url, times in named.items() if times > 1} == {}
    assert counts["seen"] == told, (counts, told)
    assert {name: counts[name] for name in ("fetched", "unchanged", "duplicate")} == {
        name: crawled[name] for name in ("fetched", "unchanged", "duplicate")
    }
    assert counts["failed"] == sum(event["type"] == "url_failed" for event in log)
    assert counts["skipped"] >= skipped, (counts, skipped)  # the others have had no turn when the job ended
    if log[-1]["ended_because"] == "done":
        assert (counts["skipped"], counts["cancelled"]) == (skipped, 0), counts
