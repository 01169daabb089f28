"""`runnel map`: what a crawl would fetch, and what it would take."""

from typing import Any, Final

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.crawl import make_body
from runnel.cli.exit_codes import ExitCode
from runnel.cli.jobs import show_rows
from runnel.cli.options import Call, example, extent_options, proxy_option, shared, with_backend
from runnel.cli.terminal import clean, write_json

#: As `usecases.map_site` has it; importing that costs a third of a second.
_MAP_PAGES: Final = 100
_MINUTE_S: Final = 60


@click.command(name="map", epilog=example("runnel map https://docs.example.com/guide/ --pages 200"))
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option("--library", metavar="NAME", help="The sources of this library.")
@click.option("--pages", type=int, default=_MAP_PAGES, metavar="N", help="Pages to look at for links, at most.")
@click.option("-l", "--limit", type=int, metavar="N", help="Pages that the crawl would keep.  [default: 10000]")
@extent_options
@click.option("--user-agent", metavar="TEXT", help="Say this instead of Runnel's own.")
@proxy_option
@click.option(
    "--allow-private", metavar="HOST:PORT", help="This private address may be looked at.  [RUNNEL_ALLOW_PRIVATE]"
)
@shared
def map_site(call: Call, /, urls: tuple[str, ...], **options: Any) -> int:
    """Show what a crawl would fetch: URLs and verdicts, no content; then pages, time and money that it would take.

    A URL without a verdict would be fetched. When standard output is no terminal (or with --json) the URLs go there as
    JSON lines, and the estimate as the last one.
    """
    settings = call.settings(allow_private=options.pop("allow_private"), proxy=options.pop("proxy"))
    pages = options.pop("pages")
    body = {**make_body(call, urls, options, settings.crawl), "pages": pages}

    async def work(backend: Backend) -> int:
        found = await backend.map_site(body)
        _show(call, found)
        asked = any(url["verdict"] not in {"skipped", "failed"} for url in found["urls"])
        return ExitCode.DONE if asked else ExitCode.NOTHING

    return with_backend(settings, work)


def _show(call: Call, found: Json) -> None:
    if call.wants_json:
        for url in found["urls"]:
            write_json(url)
        write_json({"estimate": found["estimate"], "job_id": found["job_id"], "truncated": found["truncated"]})
        return
    rows = [{"verdict": url["verdict"] or "to fetch", "why": _why(url), "url": url["url"]} for url in found["urls"]]
    show_rows(call, rows, ("verdict", "why", "url"), "URLs")
    call.talk.say(in_words(found["estimate"]))


def in_words(estimate: Json) -> str:
    """The estimate as a sentence."""
    least = "" if estimate["is_complete"] else "at least "
    time_s = estimate["time_s"]
    time = "" if time_s is None else f", about {_duration(time_s)}"
    money = f"${estimate['usd']:.4f}" if estimate["usd"] else f"nothing here, ${estimate['usd_on_aws']:.4f} on AWS"
    return (
        f"A crawl would keep {least}{estimate['pages']} pages ({estimate['requests']} requests{time}; cost: {money})."
    )


def _duration(time_s: float) -> str:
    if time_s < _MINUTE_S:
        return f"{max(1, round(time_s))} s"
    return f"{round(time_s / _MINUTE_S)} min"


def _why(url: Json) -> str:
    error = url.get("error") or {}
    return clean(str(url["rule"] or url["reason"] or error.get("category") or ""))[:60]
