"""`runnel events`: the log of a job, as it is stored."""

import click

from runnel.cli.backend import Backend
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import write_line, write_raw

_LEVELS = ("debug", "info", "warning", "error")


@click.command(epilog=example("runnel events 01jd0000000000000000000000 --follow --level warning"))
@click.argument("job_id", metavar="JOB")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Only after this sequence number.")
@click.option("--follow", is_flag=True, help="Go on until the job ends.")
@click.option("--level", type=click.Choice(_LEVELS), default="debug", help="The least level.")
@click.option("--plain", is_flag=True, help="Log lines instead of JSON lines.")
@shared
def events(call: Call, /, job_id: str, *, after: int, follow: bool, level: str, plain: bool) -> None:
    """Print a job's events as JSON lines, byte for byte as they are stored."""

    async def work(backend: Backend) -> None:
        lines = backend.events(job_id, after) if follow else backend.read_events(job_id, after)
        async for line in lines:
            if line.seq is not None:
                _write(line.raw, least=level, plain=plain)

    with_backend(call.settings(), work)


def _write(raw: bytes, *, least: str, plain: bool) -> None:
    if not plain and least == "debug":
        write_raw(raw)
        return
    from runnel.domain.events import decode_event
    from runnel.domain.log_lines import level_of, to_log_line

    event = decode_event(raw)
    if _LEVELS.index(level_of(event)) < _LEVELS.index(least):
        return
    if plain:
        write_line(to_log_line(event))
    else:
        write_raw(raw)
