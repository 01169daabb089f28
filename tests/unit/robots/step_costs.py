"""What the steps of long robots.txt files cost: `python -m tests.unit.robots.step_costs` prints it as JSON."""

import gc
import json
import random
import sys
import time

from runnel.robots.rules import MAX_ROBOTS_BYTES, read_robots

AGENT = "Runnel/1.0"


def _file(line: str, *, first: str = "User-agent: *\n") -> bytes:
    """As many lines as count, numbered."""
    lines, size = [first], len(first)
    while size < MAX_ROBOTS_BYTES - 2 * len(line):
        lines.append(line.replace("#", str(len(lines))) + "\n")
        size += len(lines[-1])
    return "".join(lines).encode()


_LETTERS = random.Random(1)  # the same at every run
FILES = {
    "10,000 rules": _file("Disallow: /docs/section#/page/of/the/manual/#/"),
    "the shortest rules": _file("Allow:/#"),
    "rules with stars": _file("Disallow: /docs/*/section#*page#/*.html$"),
    "escaped rules": _file("Disallow: /docs/%e4%bd%a0/é#/*"),
    "a name for each rule": _file("User-agent: bot#\nDisallow: /x"),
    "one name, again and again": _file("User-agent: *\nCrawl-delay: #\nDisallow: /#"),
    "one line of names": b"User-agent: " + b"a b " * 120_000 + b"\nDisallow: /x\n",
    "long lines of names": _file("User-agent: " + "a b " * 500),
    "lines that say nothing": _file("a*"),
    "one long rule": b"User-agent: *\nDisallow: /" + b"a*" * 250_000,
    "signals": _file("Content-Signal: search=yes, ai-input=no, #"),
    "one line of signals": b"User-agent: *\nContent-Signal: " + b"ai-input=no," * 40_000,
    "rules that begin with each other": b"User-agent: *\n" + b"".join(b"Allow: /%s\n" % (b"a" * n) for n in range(990)),
    "any letters": b"User-agent: *\n" + bytes(_LETTERS.choices(range(10, 256), k=MAX_ROBOTS_BYTES)),
}


def steps_s(body: bytes) -> list[float]:
    """What each step costs, in seconds of this thread."""
    steps = read_robots(body, status=200, agent=AGENT)
    costs_s: list[float] = []
    while True:
        began_s = time.thread_time()
        try:
            next(steps)
        except StopIteration:
            return [*costs_s, time.thread_time() - began_s]
        costs_s.append(time.thread_time() - began_s)


def longest_and_whole_s(name: str) -> tuple[float, float]:
    """The longest step of a file and all steps of a long one, in seconds of this thread: the least of some tries."""
    tries = [(max(steps_s(FILES[name])), sum(steps_s(FILES["10,000 rules"]))) for _ in range(3)]
    return min(longest for longest, _ in tries), min(whole for _, whole in tries)


if __name__ == "__main__":
    gc.disable()  # a collection is no step's cost
    sys.stdout.write(json.dumps({name: longest_and_whole_s(name) for name in FILES}))
