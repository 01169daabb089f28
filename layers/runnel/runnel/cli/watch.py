"""`runnel watch`, `resume` and `retry`: a job that exists already, or has."""

from typing import Any

import click

from runnel.cli.backend import Backend, Json, open_backend
from runnel.cli.exit_codes import ExitCode
from runnel.cli.generations import show_changes
from runnel.cli.jobs import show_job
from runnel.cli.options import Call, again_with, allow_private_option, example, proxy_option, run, shared
from runnel.cli.watching import Attendance
from runnel.settings import Settings


@click.command(epilog=example("runnel watch 01jd0000000000000000000000"))
@click.argument("job_id", metavar="JOB")
@shared
def watch(call: Call, /, job_id: str) -> int:
    """Watch a job until it ends; Ctrl-C ends the watching, not the job. Its exit code is the job's."""
    return run(_watch(call, job_id))


@click.command(epilog=example("runnel resume 01jd0000000000000000000000"))
@click.argument("job_id", metavar="JOB")
@click.option("--wait/--no-wait", default=True, help="Stay until the job ends; here, this process drives it.")
@proxy_option
@allow_private_option
@shared
def resume(call: Call, /, job_id: str, **options: Any) -> int:
    """Go on with a job that was paused, or whose process died."""
    wait = options.pop("wait")
    return run(_resume(call, job_id, call.settings(**options), again_with(call, **options), wait=wait))


@click.command(epilog=example("runnel retry 01jd0000000000000000000000"))
@click.argument("job_id", metavar="JOB")
@click.option("--wait/--no-wait", default=True, help="Stay until the new job ends; here, this process drives it.")
@proxy_option
@allow_private_option
@shared
def retry(call: Call, /, job_id: str, **options: Any) -> int:
    """Fetch again, in a new job, the pages that failed in one that has ended; the library keeps its other pages.

    A job has one retry: asked for again, it is the same. To retry what failed there, retry that one.
    """
    wait = options.pop("wait")
    return run(_retry(call, job_id, call.settings(**options), again_with(call, **options), wait=wait))


@click.command(epilog=example("runnel replay docs.example.com-guide --diff"))
@click.argument("library", metavar="LIBRARY")
@click.option("--diff", is_flag=True, help="Publish nothing; show what would change.")
@click.option("--wait/--no-wait", default=True, help="Stay until the job ends; here, this process drives it.")
@shared
def replay(call: Call, /, library: str, *, diff: bool, wait: bool) -> int:
    """Make the pages of a library anew from their stored responses, without asking the site."""
    return run(_replay(call, library, diff=diff, wait=wait))


async def _replay(call: Call, library: str, *, diff: bool, wait: bool) -> int:
    settings = call.settings()
    async with open_backend(settings) as backend:
        job = await backend.replay_library(library, diff=diff)
        if not wait:
            show_job(call, job)
            return ExitCode.DONE
        attendance = _attendance(call, backend, job, after=0)
        attendance.pauses = True
        attendance.write_json = attendance.write_json and not diff
        if settings.remote is None:
            _drive_here(attendance, backend)
        code = await attendance.attend()
        has_result = diff and code in {ExitCode.DONE, ExitCode.INCOMPLETE}
        if has_result and await show_changes(call, backend.desk().diff_job(library, job["job_id"])):
            call.talk.say(f"Publish it: runnel publish {library} --job {job['job_id']}")
        return code


async def _watch(call: Call, job_id: str) -> int:
    async with open_backend(call.settings()) as backend:
        job = await backend.get_job(job_id)
        return await _attendance(call, backend, job, after=0).attend()


async def _resume(call: Call, job_id: str, settings: Settings, again: str, *, wait: bool) -> int:
    async with open_backend(settings) as backend:
        await backend.control(job_id, "resume")
        job = await backend.get_job(job_id)
        if not wait:
            show_job(call, job)
            return ExitCode.DONE
        attendance = _attendance(call, backend, job, after=job["last_seq"])
        attendance.pauses, attendance.again = True, again
        if settings.remote is None:
            _drive_here(attendance, backend)
        return await attendance.attend()


async def _retry(call: Call, job_id: str, settings: Settings, again: str, *, wait: bool) -> int:
    async with open_backend(settings) as backend:
        job = await backend.retry_job(job_id)
        call.talk.say(f"Job {job['job_id']} fetches again what failed in {job_id}.")
        if not wait:
            show_job(call, job)
            return ExitCode.DONE
        attendance = _attendance(call, backend, job, after=0)
        if job["ended_at"] is None:
            attendance.pauses, attendance.again = True, again
            if settings.remote is None:
                _drive_here(attendance, backend)
        return await attendance.attend()


def _drive_here(attendance: Attendance, backend: Backend) -> None:
    """Drive the job in this process, unless another one does."""
    from runnel.cli.local_backend import LocalBackend

    if isinstance(backend, LocalBackend) and not backend.is_driven(attendance.job_id):
        attendance.driver = backend


def _attendance(call: Call, backend: Backend, job: Json, *, after: int) -> Attendance:
    return Attendance(backend=backend, job=job, talk=call.talk, write_json=call.wants_json, after=after)
