"""What a robots.txt allows (RFC 9309), and the line that says so.

Laws (tests/unit/robots/test_rules.py):

* any bytes are accepted; at most 500 KiB count, cut at a line's end;
* 2xx: the rules hold. 3xx and 4xx: there are no rules, all is allowed. 5xx or no answer (status 0): all is forbidden;
* protego decides; the line is only an explanation, sought when something is forbidden.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from protego import Protego

#: Bytes of a robots.txt that are read (RFC 9309 section 2.5 asks for at least 500 KiB).
MAX_ROBOTS_BYTES: Final = 500 * 1024

#: Line ends to `str.splitlines`, but not to a robots.txt: a rule must not break in two at one of them.
_NO_LINE_ENDS: Final = dict.fromkeys(map(ord, "\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")

_UNREACHABLE: Final = "robots.txt could not be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsDecision:
    """Whether a URL may be fetched, and the line of robots.txt that forbids it."""

    allowed: bool
    #: `12: Disallow: /private/`; None when nothing forbids.
    line: str | None = None


_ALLOWED: Final = RobotsDecision(allowed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One Disallow line and the agents of its group."""

    line: str
    pattern: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRules:
    """The rules of one host."""

    #: None when no rules hold: then `forbidden` alone decides.
    _protego: Protego | None = None
    _disallows: tuple[_Rule, ...] = field(default=(), repr=False)
    #: Nothing may be fetched, because robots.txt could not be read.
    forbidden: bool = False
    #: As written, each once: may be relative to the robots.txt.
    sitemaps: tuple[str, ...] = ()

    def allows(self, url: str, agent: str) -> RobotsDecision:
        """Decide whether *agent* may fetch the canonical *url*."""
        if self.forbidden:
            return RobotsDecision(allowed=False, line=_UNREACHABLE)
        if self._protego is None or self._protego.can_fetch(url, agent):
            return _ALLOWED
        return RobotsDecision(allowed=False, line=self._line_against(url, agent))

    def crawl_delay_s(self, agent: str) -> float | None:
        """Give the pause between two requests that the site asks of *agent*, in seconds."""
        return None if self._protego is None else self._protego.crawl_delay(agent)

    def _line_against(self, url: str, agent: str) -> str | None:
        """Find the longest Disallow of the agent's group that matches *url*."""
        token = _group_of(agent, self._disallows)
        rules = sorted((r for r in self._disallows if token in r.agents), key=lambda r: -len(r.pattern))
        return next((r.line for r in rules if _forbids(r.pattern, url)), None)


ALLOW_ALL: Final = RobotsRules()
FORBID_ALL: Final = RobotsRules(forbidden=True)


def parse_robots(body: bytes, *, status: int) -> RobotsRules:
    """Read a robots.txt that came with the HTTP *status*; 0 means that there was no answer."""
    if 300 <= status < 500:
        return ALLOW_ALL
    if not 200 <= status < 300:
        return FORBID_ALL
    text = _decode(body)
    rules = Protego.parse(text)
    return RobotsRules(_protego=rules, _disallows=_disallows(text), sitemaps=tuple(dict.fromkeys(rules.sitemaps)))


def _decode(body: bytes) -> str:
    """Read as UTF-8, the damaged parts replaced; a line that the limit cut through does not count."""
    if len(body) > MAX_ROBOTS_BYTES:
        body = body[:MAX_ROBOTS_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    return body.decode("utf-8-sig", errors="replace").translate(_NO_LINE_ENDS)


def _disallows(text: str) -> tuple[_Rule, ...]:
    """List the Disallow lines with the agents that they are meant for."""
    rules: list[_Rule] = []
    agents: list[str] = []
    open_group = False
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "user-agent":
            agents = [*agents, value.lower()] if open_group else [value.lower()]
            open_group = True
        elif name in {"allow", "disallow", "crawl-delay"}:
            open_group = False
            if name == "disallow" and value:
                rules.append(_Rule(line=f"{number}: {line.strip()[:300]}", pattern=value, agents=tuple(agents)))
    return tuple(rules)


def _group_of(agent: str, rules: tuple[_Rule, ...]) -> str:
    """Give the longest agent name of the file that stands in *agent*, else `*`."""
    names = {name for rule in rules for name in rule.agents if name and name in agent.lower()}
    return max(names, key=len, default="*")


@lru_cache(maxsize=512)
def _alone(pattern: str) -> Protego:
    """One Disallow as a robots.txt of its own: protego then tells whether it matches."""
    return Protego.parse(f"User-agent: *\nDisallow: {pattern}")


def _forbids(pattern: str, url: str) -> bool:
    """Tell whether this Disallow matches *url*."""
    return not _alone(pattern).can_fetch(url, "*")
