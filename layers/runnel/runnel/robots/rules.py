"""What a robots.txt allows (RFC 9309), the line that says so, and what its owner asks besides.

Laws (tests/unit/robots/test_rules.py):

* any bytes are accepted; at most 500 KiB count, cut at a line's end;
* 2xx: the rules hold. 3xx and 4xx: there are no rules, all is allowed. 5xx or no answer (status 0): all is forbidden;
* robots.txt itself may always be read;
* what was decided for a URL is remembered, of so many URLs.

Where engines differ, ADR 24 says what is done here.
"""

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from runnel.robots.matching import Ruleset, TooCostly, path_of, prepare_rules
from runnel.robots.records import Record, Records, read_records
from runnel.robots.signals import ContentSignals, read_signals, refusal
from runnel.robots.steps import Steps, pauses, run_through

#: Bytes of a robots.txt that are read (RFC 9309 section 2.5 asks for at least 500 KiB).
MAX_ROBOTS_BYTES: Final = 500 * 1024

_UNREACHABLE: Final = "robots.txt could not be read"
_TOO_COSTLY: Final = "robots.txt has too many rules with * for this path to be judged"
_VERDICTS_KEPT: Final = 20_000
#: Seconds; what follows them does not matter: `10 # seconds`, `2s`.
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?|\.\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsDecision:
    """Whether a URL may be fetched, and the line of robots.txt that forbids it."""

    allowed: bool
    #: `12: Disallow: /private/`; None when nothing forbids.
    line: str | None = None


_ALLOWED: Final = RobotsDecision(allowed=True)


class _Own(NamedTuple):
    """What concerns one agent, and what was decided for it."""

    ruleset: Ruleset
    crawl_delay_s: float | None
    signals: ContentSignals
    #: The Content-Signal line that says no to what Runnel makes of pages.
    refusal: str | None
    decisions: dict[str, RobotsDecision]


class RobotsRules:
    """The rules of one host."""

    __slots__ = ("_own", "_records", "forbidden")

    def __init__(self, records: Records = Records(runs={}), *, forbidden: bool = False) -> None:  # noqa: B008  # frozen
        """Hold the rules that *records* give; *forbidden*: none are known, and nothing may be fetched."""
        self._records = records
        self._own: dict[str, _Own] = {}
        self.forbidden = forbidden

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """As written, each once: may be relative to the robots.txt."""
        return self._records.sitemaps

    def allows(self, url: str, agent: str) -> RobotsDecision:
        """Decide whether *agent* (a product's name, or a whole User-Agent header) may fetch *url*."""
        own = self._own.get(agent) or self._of(agent)
        try:
            return own.decisions[url]
        except KeyError:
            if len(own.decisions) >= _VERDICTS_KEPT:
                own.decisions.clear()
            decision = own.decisions[url] = self._decide(url, own.ruleset)
            return decision

    def crawl_delay_s(self, agent: str) -> float | None:
        """Give the pause between two requests that the site asks of *agent*, in seconds; of several the longest."""
        return self._of(agent).crawl_delay_s

    def content_signals(self, agent: str) -> ContentSignals:
        """Give what the site says about the use of its content by *agent*."""
        return self._of(agent).signals

    def refusal(self, agent: str) -> str | None:
        """Give the Content-Signal line that says no to what Runnel makes of pages; None when none does."""
        return self._of(agent).refusal

    def _decide(self, url: str, ruleset: Ruleset) -> RobotsDecision:
        if self.forbidden:
            return RobotsDecision(allowed=False, line=_UNREACHABLE)
        path = path_of(url)
        if path == "/robots.txt":
            return _ALLOWED
        try:
            record = ruleset.judge(path)
        except TooCostly:
            return RobotsDecision(allowed=False, line=_TOO_COSTLY)
        if record is None or record.field == "allow":
            return _ALLOWED
        return RobotsDecision(allowed=False, line=str(record))

    def prepare(self, agent: str) -> Steps[None]:
        """Collect what concerns *agent*, in steps: what is asked for it then needs no more than a moment."""
        if agent in self._own:
            return
        runs = self._records.of(agent)
        shared = {id(run.rules): run.rules for run in runs}  # runs may share them
        rules = list(chain.from_iterable(shared.values()))
        others = list(chain.from_iterable(run.others for run in runs))
        signals = {**(yield from read_signals(self._records.others)), **(yield from read_signals(others))}
        self._own[agent] = _Own(
            ruleset=(yield from prepare_rules(rules)),
            crawl_delay_s=(yield from _longest_delay_s(others)),
            signals=signals,
            refusal=refusal(signals),
            decisions={},
        )

    def _of(self, agent: str) -> _Own:
        """Give what concerns *agent*, which is collected once."""
        if agent not in self._own:
            run_through(self.prepare(agent))
        return self._own[agent]


ALLOW_ALL: Final = RobotsRules()
FORBID_ALL: Final = RobotsRules(forbidden=True)


def read_robots(body: bytes, *, status: int, agent: str) -> Steps[RobotsRules]:
    """Read a robots.txt that came with the HTTP *status*, ready to be asked for *agent*, in steps.

    A status of 0 means that there was no answer.
    """
    rules = yield from _read(body, status)
    yield from rules.prepare(agent)
    return rules


def parse_robots(body: bytes, *, status: int) -> RobotsRules:
    """As `read_robots`, at once, for whatever agent: where nobody else waits."""
    return run_through(_read(body, status))


def _read(body: bytes, status: int) -> Steps[RobotsRules]:
    if 300 <= status < 500:
        return ALLOW_ALL
    if not 200 <= status < 300:
        return FORBID_ALL
    return RobotsRules((yield from read_records(_decode(body))))


def _decode(body: bytes) -> str:
    """Read as UTF-8, the damaged parts replaced; a line that the limit cut through does not count."""
    if len(body) > MAX_ROBOTS_BYTES:
        body = body[:MAX_ROBOTS_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    return body.decode("utf-8-sig", errors="replace")


def _longest_delay_s(records: list[Record]) -> Steps[float | None]:
    """Give the longest Crawl-delay among *records*, None when there is none."""
    delays_s: list[float] = []
    for record, is_over in pauses(records):
        if is_over:
            yield
        found = _SECONDS.match(record.value) if record.field == "crawl-delay" else None
        delays_s += [float(found[0])] if found is not None else []
    return max(delays_s, default=None)
