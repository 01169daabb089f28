"""What a watcher sees on standard error: a live display on a terminal, plain lines elsewhere, and the end in words."""

from collections.abc import Iterator
from typing import Final, Protocol

from runnel.cli.backend import Json
from runnel.cli.tally import Tally
from runnel.cli.terminal import Talk, clean

#: Seconds between two lines of progress where nothing can be redrawn.
_LINE_EVERY_S: Final = 5

#: The slowest pages are named from here on.
_SLOW_MS: Final = 1000
#: Jobs that do one step alone.
_DOWNLOAD: Final = ("download",)
_INDEX: Final = ("index",)
#: A replay that publishes nothing: what it would change is shown behind its end.
_LOOK: Final = ("replay", ("process",))

#: Hosts whose content signals the end names.
_HOSTS_SHOWN: Final = 5

#: Error category → what a reader may try.
_ADVICE: Final = {
    "dns": "Check the spelling of the host name.",
    "connect": "Is the server running? Try the URL in a browser.",
    "tls": "The server's certificate is not valid for this name; try the URL in a browser.",
    "timeout": "The server is too slow or does not answer; try again later.",
    "http_4xx": "Try the URL in a browser; if it moved, crawl its new address.",
    "http_5xx": "The server has trouble; try again later.",
    "rate_limited": "The site asks for fewer requests; try --delay 2 --concurrency 1.",
    "redirect_out_of_scope": "Crawl the address it leads to, or try --scope hostname or --allow-domain HOST.",
    "unsupported_type": "Only HTML pages are crawled; give the address of one.",
    "too_large": "The page is beyond the limit for one page; crawl a part of the site without it.",
    "empty_page": "If a browser shows a text there, JavaScript builds it, which Runnel does not run.",
    "robots": "The site's robots.txt forbids it.",
}


class Display(Protocol):
    """Shows a job while it runs."""

    def show(self, event: Json, tally: Tally) -> None:
        """Show an event that *tally* has taken in."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def make_display(talk: Talk) -> Display:
    """The display that fits whoever listens."""
    if talk.quiet:
        return Silence()
    if talk.is_terminal and not talk.verbose:
        from runnel.cli.live import LiveDisplay, can_redraw

        if can_redraw():
            return LiveDisplay(no_color=talk.no_color)
    return PlainDisplay(talk)


class Silence:
    """Shows nothing."""

    def show(self, event: Json, tally: Tally) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing was opened."""


class PlainDisplay:
    """Log lines: the start, one every few seconds, and with `-v` one for each page."""

    def __init__(self, talk: Talk) -> None:
        """Speak through *talk*."""
        self._talk = talk
        self._due_s = _LINE_EVERY_S

    def show(self, event: Json, tally: Tally) -> None:
        """A line, when the event is worth one."""
        line = _page_line(event)
        if line is not None:
            self._talk.detail(line)
        elif event["type"] == "log" and event["level"] in ("warning", "error"):
            self._talk.say(f"{event['level']}: {event['message']}")
        elif event["type"] == "time_update" and tally.elapsed_s >= self._due_s:
            self._due_s = tally.elapsed_s + _LINE_EVERY_S
            self._talk.say(progress_line(tally))

    def close(self) -> None:
        """Nothing was opened."""


def progress_line(tally: Tally) -> str:
    """Where the job stands, in one line."""
    parts = [
        minutes(tally.elapsed_s),
        f"found {tally.found}",
        f"done {tally.done}",
        f"failed {tally.failed}",
        f"{tally.pages_per_s:.1f} pages/s",
        size(tally.size_bytes),
    ]
    if tally.remaining_ms is not None:
        parts.append(f"{minutes(tally.remaining_ms // 1000)} left")
    return "  ".join(parts)


def summary(tally: Tally, job: Json, *, remote: bool) -> Iterator[str]:
    """The end in words: what came of it, where it lies, and what to do next."""
    ending = tally.ending
    if ending is None:
        return
    counts = ending["counts"]
    took = minutes(ending["elapsed_ms"] // 1000)
    yield f"{_STATES[ending['type']]} in {took}: {_extent(tally, ending, counts)}."
    yield from _reasons(tally, ending, remote=remote)
    if ending.get("low_quality"):
        yield (
            f"{ending['low_quality']} pages that say too little are left out of the library; "
            "RUNNEL_LOW_QUALITY_BELOW=0 keeps them."
        )
    yield from _table(tally, ending)
    if tally.output_behind:
        yield f"Markdown: {job.get('output')} lacks pages; make room there, then crawl again."
    elif (
        job.get("output")
        and tally.steps != _DOWNLOAD
        and (counts["fetched"] + counts["unchanged"] or not counts["seen"])
    ):
        yield f"Markdown: {job['output']}"
    if ending["cost_usd"] > 0:
        yield f"Cost: ${ending['cost_usd']:.4f}"
    if (tally.kind, tally.steps) != _LOOK:
        yield f"Next: {_next_command(tally, ending, remote=remote)}"


def _extent(tally: Tally, ending: Json, counts: Json) -> str:
    """How much it was; a job that only processed, indexed or replayed has seen no URL."""
    if tally.steps == _INDEX:
        return "the index is up to date"
    if not counts["seen"] and ending["pages"]:
        return f"{ending['pages']} pages made from stored responses"
    kept = counts["fetched"] + counts["unchanged"]
    return (
        f"{kept} pages, {counts['duplicate']} duplicates, {counts['skipped']} skipped,"
        f" {counts['failed']} failed of {counts['seen']} URLs seen, {size(ending['bytes'])}"
    )


def _table(tally: Tally, ending: Json) -> Iterator[str]:
    """What is missing by reason and category with what to change, and what was slow."""
    from runnel.domain.advice import ADVICE

    job_id = tally.job_id or "JOB"
    rows = [("skipped", *row) for row in tally.skips.most_common()]
    rows += [("failed", *row) for row in tally.failures.most_common()]
    for verdict, why, count in rows:
        yield f"  {verdict} {count:>6}  {why}: {ADVICE.get(why, '').replace('JOB', job_id)}"
    for elapsed_ms, url in tally.slowest if len(tally.slowest) > 1 else ():
        if elapsed_ms >= _SLOW_MS:
            yield f"  slow  {elapsed_ms / 1000:>6.1f} s  {clean(url)[:100]}"
    for host, signals in list(tally.signals.items())[:_HOSTS_SHOWN]:
        said = ", ".join(f"{use}={answer}" for use, answer in signals.items())
        yield f"  {clean(host)[:100]} says of the use of its pages: {said}"
    if rows and ending["type"] != "job_cancelled":
        yield "Why a page is missing: runnel why URL"


def minutes(seconds: int) -> str:
    """`M:SS`, or `H:MM:SS`."""
    hours, rest = divmod(max(0, seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def size(size_bytes: int) -> str:
    """Bytes for a reader."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.95:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


_STATES: Final = {
    "job_completed": "Completed",
    "job_failed": "Failed",
    "job_timeout": "Out of time",
    "job_cancelled": "Cancelled",
}


def _reasons(tally: Tally, ending: Json, *, remote: bool) -> Iterator[str]:
    if ending["ended_because"] == "limit":
        yield "The limit was reached; raise it with --limit."
    elif ending["ended_because"] in ("budget", "deadline"):
        yield f"The {'time' if ending['ended_because'] == 'deadline' else 'money'} budget was used up."
    if tally.held:
        yield f"The result is held back: {tally.held}; the library stays as it was."
        yield f"To publish it all the same: runnel publish {ending['library_id']} --force{_suffix(remote=remote)}"
    if ending["error"]:
        yield f"Error: {ending['error']}"
    if ending["type"] == "job_failed":
        yield from _advice(tally, ending)


def _advice(tally: Tally, ending: Json) -> Iterator[str]:
    if not tally.failures:
        yield f"Try {tally.url} in a browser."
        return
    category = tally.failures.most_common(1)[0][0]
    if tally.last_error and tally.last_error not in (ending["error"] or ""):
        yield f"{category}: {tally.last_error}"
    if category == "blocked_address":
        yield f"If this server is yours, allow it: --allow-private {host_port(tally.url)}"
    elif category in _ADVICE:
        yield _ADVICE[category]


def host_port(url: str) -> str:
    """`HOST:PORT` of a URL, as --allow-private takes it."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    has_port = host.rpartition(":")[2].isdecimal() and not host.endswith("]")
    return host if has_port else f"{host}:{443 if scheme == 'https' else 80}"


def _next_command(tally: Tally, ending: Json, *, remote: bool) -> str:
    suffix = _suffix(remote=remote)
    if ending["counts"]["failed"]:
        return f"runnel urls {ending['job_id']} --verdict failed{suffix}"
    if ending["type"] == "job_failed":
        return f"runnel urls {ending['job_id']}{suffix}"
    if tally.held:
        return f"runnel diff {ending['library_id']} --job {ending['job_id']}{suffix}"
    if tally.steps == _DOWNLOAD:
        return f"runnel crawl --library {ending['library_id']} --steps process,index{suffix}"
    return f"runnel pages {ending['library_id']}{suffix}"


def _suffix(*, remote: bool) -> str:
    return " --remote URL" if remote else ""


def _page_line(event: Json) -> str | None:
    match event["type"]:
        case "url_crawled":
            return f"{event['outcome']} {event['url']}"
        case "url_failed":
            return f"failed {event['url']}: {event['error']['message']}"
        case "url_retry":
            wait_s = event["retry_in_s"]
            when = "at the end" if wait_s is None else f"in {wait_s:.0f} s"
            return f"again {when} {event['url']}: {event['error']['message']}"
        case "url_skipped":
            return f"skipped {event['url']}: {event['reason']}"
    return None


def shown_url(url: str, width: int) -> str:
    """A URL that fits: its beginning and its end."""
    url = clean(url)
    return url if len(url) <= width else f"{url[: width // 2 - 1]}\u2026{url[-(width - width // 2) :]}"
