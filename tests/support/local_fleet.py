"""`runnel serve` twice over one home: whoever is killed, the other adopts, and a new one comes in its place."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

_NOBODY = "http://127.0.0.1:9"
_SERVE = (sys.executable, "-c", "from runnel.cli.main import main; main()", "serve", "--port", "0")


@dataclass(frozen=True, slots=True)
class Server:
    """One process."""

    process: asyncio.subprocess.Process
    url: str

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def children(self) -> list[int]:
        """Its worker processes."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in found.read_text().split()] if found.exists() else []

    def holds(self, job_id: str) -> bool:
        """Whether it has the job's lock open: then it drives the job."""
        try:
            descriptors = list(Path(f"/proc/{self.pid}/fd").iterdir())
        except OSError:
            return False
        return any(_target(descriptor).endswith(f"/locks/{job_id}") for descriptor in descriptors)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@dataclass(slots=True)
class LocalFleet:
    """Servers over one RUNNEL_HOME."""

    home: Path
    environment: Mapping[str, str]
    servers: list[Server] = field(default_factory=list)

    async def start(self) -> Server:
        """One more server."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RUNNEL_", "AWS_"))}
        process = await asyncio.create_subprocess_exec(
            *_SERVE,
            env={**environment, "RUNNEL_HOME": str(self.home), **self.environment},
            cwd=self.home.parent,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        found = re.search(r"http://[^\s)]+", line)
        assert found is not None, line + (await process.stderr.read()).decode()
        server = Server(process, found.group())
        self.servers.append(server)
        return server

    def address(self) -> str:
        """Somebody to ask."""
        return self.servers[-1].url if self.servers else _NOBODY

    async def driver(self, job_id: str) -> Server:
        """Who drives the job, as soon as anybody does; the kernel knows."""
        while True:
            driver = next((server for server in self.servers if server.holds(job_id)), None)
            if driver is not None:
                return driver
            await asyncio.sleep(0.01)

    async def kill(self, server: Server) -> None:
        """Kill -9, and wait until the process is gone."""
        self.servers.remove(server)
        server.process.send_signal(signal.SIGKILL)
        await server.process.communicate()

    async def close(self) -> None:
        """End every process."""
        for server in self.servers:
            if server.process.returncode is None:
                server.process.send_signal(signal.SIGCONT)
                server.process.kill()
            await server.process.communicate()


@asynccontextmanager
async def local_fleet(home: Path, servers: int = 2, **environment: str) -> AsyncIterator[LocalFleet]:
    """Servers over *home* while the context lasts."""
    fleet = LocalFleet(home, environment)
    try:
        for _ in range(servers):
            await fleet.start()
        yield fleet
    finally:
        await fleet.close()
