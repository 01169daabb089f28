"""The command line as a user has it: commands as processes, with a home and a folder of their own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.site import expected
from tests.support.verdict_sums import ENDS, check_verdicts
from tests.support.warm_commands import run_command

JOB_ID = "01jd0000000000000000000000"
#: With the defaults, sitemap included: the same pages on every way to the end.
CRAWL = ("crawl",)
PAGES = expected.PAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a finished command left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    """Starts commands with a home and a folder of their own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._environment = {**os.environ, "RUNNEL_HOME": str(folder / "home"), **environment}

    async def start(self, *arguments: str, stderr: int = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from runnel.cli.main import main; main()",
            *arguments,
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )

    async def run_redirected(self, *arguments: str, redirect: str) -> Ran:
        """Run behind a redirection as a shell writes it."""
        program = (sys.executable, "-c", "from runnel.cli.main import main; main()", *arguments)
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", f'exec "$@" {redirect}', "sh", *program),
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return await finish(process)

    async def run(self, *arguments: str, stdin: str = "") -> Ran:
        code, out, err = await run_command(arguments, folder=self.folder, environment=self._environment, stdin=stdin)
        return _checked(Ran(code=code, out=out, err=err))

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await self.start(*arguments)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def finish(process: asyncio.subprocess.Process, stdin: str = "") -> Ran:
    out, err = await process.communicate(stdin.encode() if process.stdin is not None else None)
    assert process.returncode is not None
    return _checked(Ran(code=process.returncode, out=out.decode(), err=err.decode()))


def _checked(ran: Ran) -> Ran:
    """What it said, when the events of jobs that ended in it add up."""
    if any(f'"{end}"' in ran.out for end in ENDS):
        check_verdicts(event for line in ran.out.splitlines() if isinstance(event := json.loads(line), dict))
    return ran


def markdown(folder: Path) -> Sequence[Path]:
    return sorted(folder.rglob("*.md"))
