"""
What a verdict costs: microseconds of processor time per link, and per path that a robots.txt has not seen.

    python -m tests.bench.verdicts

* A link that a page has is spelled canonically, judged by scope and by robots.txt, through the crawl's own `Discovery`
  (which also asks for files, depth and traps, and puts what belongs into the frontier). The bars: 5 µs for a link that
  was seen before, 25 µs for a new one.
* robots.txt has 10,000 rules; each path is new. The bar: 2 ms, for rules made to be slow too.
* Processor time, and the least of some rounds: a busy machine changes little.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from runnel.domain.fold import JobFold
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job, Source
from runnel.domain.payloads import FetchedPage
from runnel.fetching.canonical import Spelling, host_key
from runnel.robots.rules import RobotsRules, parse_robots
from runnel.usecases.discover_urls import Discovery
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.recording import Recorder

LINKS = 10_000
RULES = 10_000
ROUNDS = 5
MOST_SEEN_US = 5.0
MOST_NEW_US = 25.0
MOST_PATH_MS = 2.0

AGENT = "Runnel/0.1 (+https://example.org/runnel)"
START = "https://docs.example.com/manual/"
ROBOTS = b"User-agent: *\nDisallow: /private/\nDisallow: /*/print$\nDisallow: /*?*sort=\nAllow: /manual/\n"

KINDS: dict[str, Callable[[int], str]] = {
    "new pages": lambda n: f"{START}section-{n % 97}/a-page-of-the-manual-{n}.html#part-{n}",
    "new pages with a query": lambda n: f"{START}page?id={n}&utm_source=x&lang=en",
    "new links to elsewhere": lambda n: f"https://host-{n % 311}.example.org/a/b/page-{n}.html",
}


def main() -> None:
    """Measure links, then robots.txt."""
    print(f"verdicts of links, {LINKS} each, µs of processor time")
    for name, make in KINDS.items():
        new_us, seen_us = measure_links([make(number) for number in range(LINKS)])
        is_good = new_us <= MOST_NEW_US and seen_us <= MOST_SEEN_US
        print(f"  {name:26} {new_us:6.1f} new, {seen_us:5.2f} seen: {'ok' if is_good else 'TOO SLOW'}")
    print(f"  (bars: {MOST_NEW_US:g} new, {MOST_SEEN_US:g} seen)\n")
    print(
        f"robots.txt of {RULES} rules, ms of processor time per new path (bar: {MOST_PATH_MS:g}), and once to read it"
    )
    for name, (rules, paths) in robots_files().items():
        ready_ms, path_ms = measure_robots(rules, paths)
        print(f"  {name:34} {path_ms:7.3f}, {ready_ms:4.0f}: {'ok' if path_ms <= MOST_PATH_MS else 'TOO SLOW'}")
    print()


def measure_links(links: list[str]) -> tuple[float, float]:
    """Microseconds per link: of a page whose links are new, and of the next that has the same."""
    rounds = [_discover(links) for _ in range(ROUNDS)]
    return min(new for new, _ in rounds), min(seen for _, seen in rounds)


def _discover(links: list[str]) -> tuple[float, float]:
    discovery = _discovery()
    page = cast(
        FetchedPage,
        SimpleNamespace(
            text_hash="x", body_hash="x", nofollow=False, robots_tag=False, links=tuple(links), nofollow_links=()
        ),
    )
    return _spent_us(lambda: discovery.discover(START, page), links), _spent_us(
        lambda: discovery.discover(START, page), links
    )


def _discovery() -> Discovery:
    """A crawl's discovery, told nobody: what is found goes into no log."""
    rules = parse_robots(ROBOTS, status=200)
    recorder = SimpleNamespace(fold=JobFold(), emit_with_urls=lambda *_, **__: None)
    robots = SimpleNamespace(judge=lambda url: _line(rules, url))
    frontier = Frontier(concurrency=10)
    frontier.add(START, host=host_key(START), depth=0)
    job = Job(
        tenant="local", job_id="j", library_id="docs", sources=(Source(source_id="main", url=START),),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return Discovery(
        job, cast(Recorder, recorder), cast(RobotsLoader, robots), frontier, spelling=Spelling(ignored=("session",))
    )


def _line(rules: RobotsRules, url: str) -> str | None:
    host_key(url)  # as the crawl does, to find the host's rules
    return rules.allows(url, AGENT).line


def robots_files() -> dict[str, tuple[Iterable[str], list[str]]]:
    """Rules and paths by what they are made for."""
    letters = random.Random(1)  # the same at every run
    usual = [f"/docs/section{n}/page{n * 7}.html?x={n}" for n in range(200)]
    long = ["/" + "a" * 2_000 + str(n) for n in range(20)]
    mixed = ["/z" + "ab" * 1_000 + str(n) for n in range(20)]
    needles = ["a" * (10 + n % 10) + "b" + "a" * (10 + n // 10 % 10) for n in range(RULES)]
    return {
        "prefixes": ([f"/docs/section{n}/page{n}.h" for n in range(RULES)], usual),
        "with *": ([f"/*/section{n}/*.pdf$" for n in range(RULES)], usual),
        "with * and a query": ([f"/*?*param{n}=" for n in range(RULES)], usual),
        "evil: a*a*a*…b": ([f"/*{'a*' * 9}b{n}" for n in range(RULES)], long),
        "evil: letters in any order": (
            ["/*" + "*".join(letters.choices("ab", k=16)) + "*z" for _ in range(RULES)],
            mixed,
        ),
        "evil: long parts that nearly fit": ([f"/*{needle}*q" for needle in needles], ["/qb" + path for path in long]),
        "evil: each the beginning of the next": (["/" + "a" * n for n in range(1_000)], ["/" + "a" * 1_500 + "b"]),
    }


def measure_robots(rules: Iterable[str], paths: list[str]) -> tuple[float, float]:
    """Milliseconds to read the file, and per path that is new (median)."""
    body = "User-agent: *\n" + "".join(f"Disallow: {rule}\n" for rule in rules)
    urls = [f"https://docs.example.com{path}" for path in paths]
    rounds = [_judge(body.encode(), urls) for _ in range(ROUNDS)]
    return min(ready for ready, _ in rounds), min(path for _, path in rounds)


def _judge(body: bytes, urls: list[str]) -> tuple[float, float]:
    start_s = time.process_time()
    robots = parse_robots(body, status=200)
    robots.allows("https://docs.example.com/", AGENT)
    ready_ms = (time.process_time() - start_s) * 1_000
    spent = [_spent_us(lambda url=url: robots.allows(url, AGENT), [url]) for url in urls]  # type: ignore[misc]
    return ready_ms, statistics.median(spent) / 1_000


def _spent_us(work: Callable[[], Any], items: list[str]) -> float:
    start_s = time.process_time()
    work()
    return (time.process_time() - start_s) / len(items) * 1_000_000


if __name__ == "__main__":
    main()
