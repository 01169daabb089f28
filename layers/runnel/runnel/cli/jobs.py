"""`runnel jobs`, `status`, `pause`, `cancel`, `delete` and `urls`: what ran, what runs, what became of each URL."""

from typing import Final

import click

from runnel.cli.backend import Action, Backend, Json
from runnel.cli.exit_codes import ExitCode, exit_code_of_error
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line, write_table
from runnel.errors import Conflict, NotFound

_STATES: Final = ("queued", "running", "paused", "completing", "completed", "failed", "timeout", "cancelled")
_JOB: Final = "01jd0000000000000000000000"


@click.command(epilog=example("runnel jobs --state running"))
@click.option("--state", type=click.Choice(_STATES), help="Only jobs in this state.")
@click.option("--library", metavar="NAME", help="Only jobs of this library.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, metavar="N", help="Jobs at most.")
@shared
def jobs(call: Call, /, state: str | None, library: str | None, limit: int) -> None:
    """List jobs, newest first."""

    async def work(backend: Backend) -> None:
        found = [job async for job in backend.list_jobs(state, library, limit)]
        show_rows(call, [_row(job) for job in found] if not call.wants_json else found, _COLUMNS, "jobs")

    with_backend(call.settings(), work)


@click.command(epilog=example(f"runnel status {_JOB}"))
@click.argument("job_id", metavar="JOB")
@shared
def status(call: Call, /, job_id: str) -> None:
    """Show one job: its state, its counts, and what happened last."""

    async def work(backend: Backend) -> None:
        show_job(call, await backend.get_job(job_id))

    with_backend(call.settings(), work)


@click.command(epilog=example(f"runnel pause {_JOB}"))
@click.argument("job_id", metavar="JOB")
@shared
def pause(call: Call, /, job_id: str) -> None:
    """Stop beginning new pages; the job keeps its place."""
    _control(call, job_id, "pause", f"Asked to pause. To go on: runnel resume {job_id}")


@click.command(epilog=example(f"runnel cancel {_JOB}"))
@click.argument("job_id", metavar="JOB")
@shared
def cancel(call: Call, /, job_id: str) -> None:
    """End a job: nothing more is fetched, nothing more is published."""
    _control(call, job_id, "cancel", f"Asked to cancel. See: runnel status {job_id}")


@click.command(epilog=example(f"runnel delete {_JOB}"))
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@shared
def delete(call: Call, /, job_ids: tuple[str, ...]) -> int:
    """Delete jobs that have ended, with their logs and files; their libraries stay.

    One that cannot be deleted does not keep the others: it is named, and the exit code is that of the first.
    """

    async def work(backend: Backend) -> int:
        code = int(ExitCode.DONE)
        for job_id in job_ids:
            try:
                job = await backend.delete_job(job_id)
            except (NotFound, Conflict) as error:
                call.talk.insist(f"Error: {job_id}: {error.message}")
                code = code or exit_code_of_error(error)
                continue
            if call.wants_json:
                write_json(job)
            call.talk.say(f"Deleted {job_id}; library {job['library_id']} stays.")
        return code

    return with_backend(call.settings(), work)


@click.command(epilog=example(f"runnel urls {_JOB} --verdict failed"))
@click.argument("job_id", metavar="JOB")
@click.option("--verdict", type=click.Choice(["fetched", "unchanged", "duplicate", "skipped", "failed", "cancelled"]))
@click.option("--reason", metavar="REASON", help="Only with this reason, for instance robots or out_of_scope.")
@shared
def urls(call: Call, /, job_id: str, verdict: str | None, reason: str | None) -> None:
    """List every URL that a job has seen, with its verdict."""

    async def work(backend: Backend) -> None:
        found = [_url_row(call, url) async for url in backend.urls(job_id, verdict, reason)]
        show_rows(call, found, ("verdict", "why", "status", "url"), "such URLs")

    with_backend(call.settings(), work)


def show_rows(call: Call, rows: list[Json], columns: tuple[str, ...], what: str) -> None:
    """Rows as JSON lines, or as a table; nothing to show is said."""
    if call.wants_json:
        for row in rows:
            write_json(row)
    elif rows:
        write_table(rows, columns)
    else:
        call.talk.say(f"No {what}.")


def show_job(call: Call, job: Json) -> None:
    """A job as one JSON line, or in words."""
    if call.wants_json:
        write_json(job)
        return
    for name in ("job_id", "state", "ended_because", "library_id", "url", "output", "created_at", "ended_at", "error"):
        if job.get(name) is not None:
            write_line(f"{name:14} {clean(str(job[name]))}")
    if job.get("counts"):
        write_line(f"{'counts':14} " + "  ".join(f"{name} {count}" for name, count in job["counts"].items()))
    for event in job.get("activities") or ():
        write_line(f"  {event['time']}  {event['type']}  {clean(str(event.get('url') or event.get('message') or ''))}")


def _control(call: Call, job_id: str, action: Action, said: str) -> None:
    async def work(backend: Backend) -> None:
        job = await backend.control(job_id, action)
        if call.wants_json:
            write_json(job)
        call.talk.say(said)

    with_backend(call.settings(), work)


_COLUMNS: Final = ("job_id", "state", "pages", "failed", "library_id", "created_at", "url")


def _row(job: Json) -> Json:
    """A list reads no log, so what a job that has not ended has done stands in `runnel status` alone."""
    counts = job["counts"]
    done = counts["fetched"] + counts["unchanged"] if counts else None
    return {**job, "pages": done, "failed": counts["failed"] if counts else None}


def _url_row(call: Call, url: Json) -> Json:
    if call.wants_json:
        return url
    error = url["error"] or {}
    why = " ".join(filter(None, (url["reason"] or error.get("category"), _told(url))))
    return {**url, "verdict": url["verdict"] or "waiting", "why": why or None}


def _told(url: Json) -> str:
    """What a file is that is no page; a server of an earlier version does not say."""
    size = url.get("content_length")
    told = (url.get("content_type"), f"{size:,} bytes" if size is not None else None)
    return f"({', '.join(filter(None, told))})" if any(told) else ""
