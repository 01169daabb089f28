"""A crawl of the hostile site in a process of its own, as `runnel crawl` does it: its memory can be measured.

What differs from a user's crawl: short deadlines, the shortest pauses before another try, and a name server that plays
its part in the attack. A connection to any other address than loopback is refused here, as without a network.

Reads one JSON object from standard input, writes one to standard output.
"""

import asyncio
import json
import socket
import sys
import time
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.domain.jobs import JobOptions
from runnel.local.worker_process import RAW_FILES
from runnel.local.workers import WorkerPool
from runnel.settings import load_settings
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.read_library import get_markdown, list_pages
from runnel.usecases.run_crawl import run_crawl
from runnel.usecases.services import Tuning
from runnel.wiring.local import TENANT, open_services


class NameServer:
    """Answers a name's answers in turn, the last one for ever."""

    def __init__(self, names: dict[str, list[list[str]]]) -> None:
        """Know these names and no others."""
        self._names = names
        self.asked: defaultdict[str, int] = defaultdict(int)

    async def resolve(self, host: str, _port: int) -> list[str]:
        """Answer."""
        answers = self._names.get(host, [[]]) if not host[0].isdigit() and ":" not in host else [[host]]
        answer = answers[min(self.asked[host], len(answers) - 1)]
        self.asked[host] += 1
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, f"no address of {host}")
        return answer


def refuse_the_world(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection that leaves the machine; asking the system's resolver is an error of the crawler."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if not host.startswith("127.") and host != "::1":
            raise ConnectionRefusedError(f"no way to {host}")
    if event == "socket.getaddrinfo" and not str(arguments[0]).startswith("127."):
        raise OSError(f"the guard let a name pass: {arguments[0]!r}")


class _ShortPauses(SystemIds):
    """The least of the pauses that jitter chooses from."""

    def jitter(self) -> float:
        """Nothing."""
        return 0.0


async def crawl(task: dict[str, Any]) -> dict[str, Any]:
    """Crawl; what became of it."""
    names = NameServer(task["names"])
    settings = load_settings({"home": task["home"], "allow_private": task["allowed"]})
    tuning = replace(Tuning(), fetch_deadline=timedelta(seconds=task["deadline_s"]), batch_wait=timedelta(seconds=0.3))
    pool = WorkerPool(size=1, parse_timeout=timedelta(seconds=task["parse_s"]), files=RAW_FILES)
    begun_s = time.monotonic()
    async with (
        pool,
        open_services(settings, reader=pool, appending=pool, tuning=tuning, resolve=names.resolve) as local,
    ):
        services = replace(local.services, ids=_ShortPauses(SystemClock()))
        new = NewJob(tenant=TENANT, urls=(task["url"],), options=JobOptions(**task["options"]), output=task["output"])
        job = await create_job(services, new, invoke=False)
        drive = await run_crawl(services, TENANT, job.job_id)
        elapsed_s = time.monotonic() - begun_s
        ended = await services.jobs.get(TENANT, job.job_id)
        assert ended is not None
        assert ended.ending is not None
        pages = await list_pages(services, TENANT, ended.library_id)
        return {
            "drive": drive.value,
            "state": ended.state.value,
            "counts": asdict(ended.ending.counts),
            "elapsed_s": elapsed_s,
            "records": [
                {
                    "url": record.url,
                    "verdict": record.verdict,
                    "reason": record.reason,
                    "rule": record.rule,
                    "error": record.error.model_dump(mode="json") if record.error else None,
                    "attempts": record.attempts,
                }
                for record in await list_urls(services, ended)
            ],
            "pages": {page.url: (await get_markdown(services, TENANT, page))[:4_000] for page in pages},
            "asked": dict(names.asked),
        }


def main() -> None:
    """Do it."""
    sys.addaudithook(refuse_the_world)
    task = json.load(sys.stdin)
    Path(task["result"]).write_text(json.dumps(asyncio.run(crawl(task))), encoding="utf-8")


if __name__ == "__main__":
    main()
