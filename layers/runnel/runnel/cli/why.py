"""`runnel why`: what became of one URL, what decided it, and what to change to get the page."""

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line


@click.command(epilog=example("runnel why https://docs.example.com/guide/missing.html"))
@click.argument("url", metavar="URL")
@click.option("--job", "job_id", metavar="JOB", help="Ask this job.  [default: the newest that saw the URL]")
@click.option("--library", metavar="NAME", help="Only jobs of this library.")
@shared
def why(call: Call, /, url: str, job_id: str | None, library: str | None) -> None:
    """Tell why a page is there or missing.

    A URL that no job has seen is judged by the latest job's options: scope, patterns, and robots.txt as it is now.
    """
    if job_id is not None and library is not None:
        raise click.UsageError("Give --job or --library, not both.")

    async def work(backend: Backend) -> None:
        told = await backend.why(url, job_id, library)
        if call.wants_json:
            write_json(told)
        else:
            _show(told)

    with_backend(call.settings(), work)


def _show(told: Json) -> None:
    write_line(clean(told["explanation"]))
    error = told["error"] or {}
    facts = {
        "url": told["url"],
        "verdict": told["verdict"] or "none",
        "reason": told["reason"] or error.get("category"),
        "rule": told["rule"],
        "status": told["status"],
        "type": told.get("content_type"),
        "bytes": told.get("content_length"),
        "duplicate of": told["duplicate_of"],
        "found on": told["parent"],
        "path": " → ".join(told["path"]) if len(told["path"]) > 1 else None,
        "depth": None if told["judged"] else told["depth"],
        "job": told["job_id"],
        "to get it": told["advice"] or None,
    }
    for name, value in facts.items():
        if value is not None:
            write_line(f"  {name:13} {clean(str(value))}")
