"""`runnel report`: what a crawl did to its library."""

from pathlib import Path
from typing import Final

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.exports import write_file
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line

_JOB: Final = "01jd0000000000000000000000"


@click.command(epilog=example(f"runnel report {_JOB} -o report.zip"))
@click.argument("job_id", metavar="JOB")
@click.option("-o", "--output", metavar="ZIP", help="Write the report and the map of each source into this file.")
@shared
def report(call: Call, /, job_id: str, output: str | None) -> None:
    """Tell what a crawl did: pages added, changed, removed, moved and failed, and URLs skipped by reason."""
    path = Path(output).expanduser().absolute() if output is not None else None

    async def work(backend: Backend) -> None:
        found = await backend.desk().report(job_id)
        if path is not None:
            await write_file(path, backend.desk().report_zip(job_id))
            call.talk.say(f"Written: {path}")
        if call.wants_json:
            write_json(found)
        else:
            _show(found)
            call.talk.say(f"Page by page: {_diff_of(found)}")

    with_backend(call.settings(), work)


def _diff_of(report: Json) -> str:
    """The command that shows what the sums count."""
    what = f"--to {report['generation']}" if report["generation"] else f"--job {report['job_id']}"
    return f"runnel diff {clean(report['library_id'])} {what}"


def _show(report: Json) -> None:
    for name in ("job_id", "library_id", "state", "ended_because", "started_at", "finished_at", "generation"):
        if report[name] is not None:
            write_line(f"{name:14} {clean(str(report[name]))}")
    if report["held"]:
        write_line(f"{'held':14} {clean(report['held']['reason'])}; the sums are what publishing would do")
    _sums("pages", report["sums"])
    _sums("skipped", report["skipped"])
    _sums("failed", report["failed"])
    _sums("hygiene", report["hygiene"])
    for source in report["sources"] if len(report["sources"]) > 1 else ():
        write_line(f"source {clean(source['source_id'])}  {clean(source['url'])}")
        _sums("  pages", source["sums"])


def _sums(name: str, sums: Json) -> None:
    told = "  ".join(f"{clean(key)} {count}" for key, count in sums.items() if count)
    if told:
        write_line(f"{name:14} {told}")
