"""`runnel crawl`: what to crawl and how, then the job, driven here or by the server."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runnel.cli.backend import Backend, Json, open_backend
from runnel.cli.exit_codes import ExitCode
from runnel.cli.options import (
    Call,
    again_with,
    allow_private_option,
    example,
    extent_options,
    proxy_option,
    run,
    shared,
)
from runnel.cli.terminal import write_json
from runnel.cli.watching import Attendance
from runnel.domain.addressing import has_scheme
from runnel.errors import ConfigInvalid, JobConflict, LibraryBusy
from runnel.local.worker_process import readers_started_early
from runnel.settings import Settings

if TYPE_CHECKING:
    from runnel.cli.local_backend import LocalBackend


@click.command(epilog=example("runnel crawl https://docs.example.com/guide/ -o guide --limit 200"))
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option("--library", metavar="NAME", help="The library to crawl into.  [default: from the URL]")
@click.option("-o", "--output", metavar="DIR", help="Folder for the Markdown.  [default: ./<library>/]")
@click.option("--no-output", is_flag=True, help="Keep the pages in the library only.")
@click.option("-l", "--limit", type=int, metavar="N", help="Pages to keep at most.  [default: 10000]")
@extent_options
@click.option("--mode", type=click.Choice(["full", "incremental"]), help="Fetch all, or what changed.  [default: full]")
@click.option("--steps", metavar="LIST", help="download,process,index.  [default: all]")
@click.option("--timeout", "timeout_s", type=float, metavar="SECONDS", help="The job's time.  [default: 21600]")
@click.option("--max-usd", type=float, metavar="X", help="Stop when the job has cost so much.  [default: 5 on AWS]")
@click.option("--retry-batches", type=int, metavar="N", help="Passes over what failed.  [default: 2]")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="env:NAME or secret:NAME.")
@click.option("--user-agent", metavar="TEXT", help="Say this instead of Runnel's own.")
@click.option("--robots", type=click.Choice(["obey", "ignore"]), help="ignore needs --reason.  [default: obey]")
@click.option("--reason", metavar="TEXT", help="Why robots.txt is ignored; it is logged.")
@click.option(
    "--content-signal",
    type=click.Choice(["report", "obey"]),
    help="obey: no page of a site that refuses search or ai-input.  [default: report]",
)
@click.option("--dry-run", is_flag=True, help="The same events, nothing stored.")
@click.option("--wait/--no-wait", default=True, help="Stay until the job ends.")
@proxy_option
@allow_private_option
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Settings.  [default: runnel.toml]"
)
@shared
def crawl(call: Call, /, urls: tuple[str, ...], **options: Any) -> int:
    """Crawl sites into a library and a folder of Markdown; `-` reads URLs from standard input.

    Ctrl-C pauses; the same command goes on with a job that is not finished. When standard output is no terminal (or
    with --json) the job's events go there as JSON lines.
    """
    file, allow_private, proxy = options.pop("file"), options.pop("allow_private"), options.pop("proxy")
    settings = call.settings(file=file, allow_private=allow_private, proxy=proxy)
    if proxy is not None:
        call.talk.say("--proxy holds for this command; give it to those that go on with the job, or set RUNNEL_PROXY.")
    again = again_with(call, allow_private=allow_private, proxy=proxy)
    wait, output, no_output = options.pop("wait"), options.pop("output"), options.pop("no_output")
    body = make_body(call, _from_stdin(urls), options, settings.crawl)
    if settings.remote is not None:
        if output:
            raise click.UsageError("--output is not available with --remote yet; see: runnel get LIBRARY PAGE")
        return run(_crawl_there(call, settings, body, again, wait=wait))
    return run(_crawl_here(call, settings, body, again, output="" if no_output else output, wait=wait))


def make_body(call: Call, urls: Sequence[str], options: Mapping[str, Any], defaults: Mapping[str, object]) -> Json:
    """The body of `POST /v1/jobs`: what was given, over what the settings file says; raises `UsageError`."""
    given = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    if "steps" in given:
        given["steps"] = [step.strip() for step in given["steps"].split(",")]
    if "headers" in given:
        given["headers"] = dict(_header(text) for text in given["headers"])
    body = {**defaults, **{name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}}
    if not urls and not body.get("library"):
        raise click.UsageError("Give a URL to crawl, or --library NAME to crawl its sources again.")
    if body.get("robots") == "ignore" and not body.get("reason"):
        raise click.UsageError("--robots ignore needs --reason TEXT; it is written into the job's log.")
    return {**body, "urls": [with_scheme(call, url) for url in urls]}


def with_scheme(call: Call, url: str) -> str:
    """The URL; `docs.example.com` is taken as https, and that is said."""
    if has_scheme(url):
        return url
    call.talk.say(f"Taking {url} as https://{url}")
    return f"https://{url}"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.UsageError("--header needs 'NAME: env:VARIABLE' or 'NAME: secret:NAME'.")
    if not value.strip().startswith(("env:", "secret:")):  # never repeated here: it may be a password
        raise click.UsageError(
            f"--header '{name.strip()}' has its value in the command, where every log would keep it; set a variable and"
            " give env:NAME or secret:NAME."
        )
    return name.strip(), value.strip()


def _from_stdin(urls: Sequence[str]) -> list[str]:
    if "-" not in urls:
        return list(urls)
    read = [line.strip() for line in sys.stdin if line.strip() and not line.startswith("#")]
    return [url for given in urls for url in (read if given == "-" else [given])]


# --- there ----------------------------------------------------------------------------------------------------------


async def _crawl_there(call: Call, settings: Settings, body: Json, again: str, *, wait: bool) -> int:
    async with open_backend(settings) as backend:
        job = await backend.create_job(body)
        _announce(call, job, body)
        if not wait:
            return _created(call, job)
        return await _attendance(call, backend, job, again).attend()


# --- here -----------------------------------------------------------------------------------------------------------


def _reads_every_page(body: Json) -> bool:
    """Whether the first page will be read: an incremental crawl of a site that has not changed reads none."""
    return body.get("mode") != "incremental" and "download" in body.get("steps", ("download",))


async def _crawl_here(call: Call, settings: Settings, body: Json, again: str, *, output: str | None, wait: bool) -> int:
    early = readers_started_early() if wait and _reads_every_page(body) else nullcontext()
    with early as readers:
        from runnel.cli.local_backend import open_local  # a third of a second, in which they get ready

        folder = _output_folder(body, output)
        async with open_local(settings, readers=readers) as backend:
            job = await _create_or_go_on(call, backend, {**body, "output": folder})
            if not wait:
                call.talk.say("The job waits for a server: runnel serve")
                return _created(call, job)
            attendance = _attendance(call, backend, job, again)
            attendance.driver = backend
            return await attendance.attend()


async def _create_or_go_on(call: Call, backend: "LocalBackend", body: Json) -> Json:
    try:
        job = await backend.create_job(body)
    except LibraryBusy as busy:
        return await _go_on(call, backend, body, busy)
    _announce(call, job, body)
    return job


async def _go_on(call: Call, backend: "LocalBackend", body: Json, busy: LibraryBusy) -> Json:
    """Take up the unfinished job that is in the way; raises `LibraryBusy` when it runs, or is about something else."""
    from runnel.usecases.claim_library import Work

    if Work.of(busy.job_id) is not None:
        raise busy
    if await backend.find_unfinished(body, busy.job_id) is None:
        raise LibraryBusy(
            f"The library has an unfinished job, {busy.job_id}; first: runnel resume {busy.job_id},"
            f" or runnel cancel {busy.job_id}.",
            job_id=busy.job_id,
        ) from busy
    if backend.is_driven(busy.job_id):
        raise LibraryBusy(
            f"This crawl runs already, as job {busy.job_id}; see: runnel watch {busy.job_id}", job_id=busy.job_id
        ) from busy
    try:
        await backend.control(busy.job_id, "resume")
    except JobConflict as conflict:  # it is being cancelled: then we bring that to its end
        if conflict.code == "leave_missing":
            raise
        call.talk.say(conflict.message)
    call.talk.say(f"Going on with job {busy.job_id}, which was not finished; its own options hold.")
    return await backend.get_job(busy.job_id)


def _output_folder(body: Json, output: str | None) -> str | None:
    """The absolute folder for the Markdown; raises `ConfigInvalid` when it cannot be made. "" wants none."""
    from runnel.domain.paths import library_name_from
    from runnel.usecases.create_job import parse_start_url

    if output == "" or body.get("dry_run"):
        return None
    name = output or body.get("library") or library_name_from(parse_start_url(body["urls"][0]))
    folder = Path(name).expanduser().absolute()
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ConfigInvalid(f"The output folder {folder} cannot be written; choose another with -o DIR.")
    return str(folder)


# --- both -----------------------------------------------------------------------------------------------------------


def _attendance(call: Call, backend: Backend, job: Json, again: str) -> Attendance:
    return Attendance(
        backend=backend,
        job=job,
        talk=call.talk,
        write_json=call.wants_json,
        after=job.get("last_seq") or 0 if job["state"] != "queued" else 0,
        pauses=True,
        again=again,
    )


def _announce(call: Call, job: Json, body: Json) -> None:
    what = f"Crawling {job['url']} into" if job["url"] else "Indexing"
    if job["url"] and "download" not in body.get("steps", ("download",)):
        what = "Processing what was downloaded for"
    call.talk.say(f"{what} library {job['library_id']} (job {job['job_id']})")


def _created(call: Call, job: Json) -> int:
    if call.wants_json:
        write_json(job)
    call.talk.say(f"Watch it: runnel watch {job['job_id']}")
    return ExitCode.DONE
