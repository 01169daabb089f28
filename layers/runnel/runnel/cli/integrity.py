"""`runnel verify`: whether everything that a library needs is stored, and is what it should be."""

from typing import Final

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.exit_codes import ExitCode
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line

_FATES: Final = {None: "", "repaired": ", repaired", "collected": ", left to the collector", "lost": ", lost"}


@click.command(epilog=example("runnel verify docs.example.com-guide --repair"))
@click.argument("library", metavar="LIBRARY")
@click.option("--repair", is_flag=True, help="Mend what can be mended; the next crawl fetches the rest anew.")
@shared
def verify(call: Call, /, library: str, *, repair: bool) -> ExitCode:
    """Find what is missing, corrupt, misplaced or needed by nobody among the stored objects of a library."""

    async def work(backend: Backend) -> ExitCode:
        found = await backend.desk().verify(library, repair=repair)
        if call.wants_json:
            write_json(found)
        else:
            for finding in found["findings"]:
                write_line(_line(finding))
        call.talk.say(_summary(found, repair=repair))
        return ExitCode.DONE if found["well"] else ExitCode.INCOMPLETE

    return with_backend(call.settings(), work)


def _line(finding: Json) -> str:
    urls = " ".join(clean(url) for url in finding["urls"])
    return f"{finding['flaw']} {finding['kind']} {clean(finding['key'])}{_FATES[finding['fate']]} {urls}".rstrip()


def _is_left_over(finding: Json) -> bool:
    """Whether it is an object that was needed once; a file of the folder goes with a repair only."""
    return bool(finding["flaw"] == "orphan" and finding["kind"] != "file")


def _summary(found: Json, *, repair: bool) -> str:
    said = f"{found['library_id']}: {found['checked']} objects checked, {found['found']} findings"
    if found["found"] and not found["lost"] and all(map(_is_left_over, found["findings"])):
        return f"{said}: nothing is damaged; a later crawl removes what no kept generation needs any more."
    if found["lost"]:
        return f"{said}; {len(found['lost'])} objects are lost. Fetch their pages anew: runnel crawl --mode incremental"
    if found["found"] and not repair:
        return f"{said}. Mend them: runnel verify {found['library_id']} --repair"
    return f"{said}."
