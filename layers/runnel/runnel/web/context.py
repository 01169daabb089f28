"""What every route needs, taken from the app and the request."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request

from runnel.usecases.drive_jobs import Drivers
from runnel.usecases.find_orphans import DriverWatch
from runnel.usecases.services import Services
from runnel.usecases.share_job import ALL_JOBS, check_ticket
from runnel.web.access import Access
from runnel.web.stream_report import StreamReport


@dataclass(frozen=True, slots=True, kw_only=True)
class WebHome:
    """The home that an app serves."""

    services: Services
    drivers: Drivers
    access: Access
    #: Whether requests come from Lambda's adapter: then each carries the deadline of its process.
    is_lambda: bool = False
    #: Looks at the driver of each job that somebody asks for.
    watch: DriverWatch = field(init=False)
    #: The streams that are open here.
    streams: StreamReport = field(default_factory=StreamReport)
    #: Set when the process is about to end: streams then end too, and their clients come back to the next one.
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin to watch."""
        object.__setattr__(self, "watch", DriverWatch(self.services))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One request's home and tenant."""

    home: WebHome
    tenant: str
    #: When this process must have ended, on the monotonic clock; None = it need not.
    deadline_s: float | None
    #: Whether the caller came with a ticket: then nothing is begun for it.
    is_guest: bool = False

    @property
    def services(self) -> Services:
        """The ports."""
        return self.home.services


#: Where a ticket for all jobs opens something.
ALL_STREAM: Final = "/v1/jobs/stream"


async def _caller(request: Request) -> Caller:
    home: WebHome = request.app.state.home
    ticket = request.query_params.get("ticket")
    job_id = ALL_JOBS if request.url.path == ALL_STREAM else request.path_params.get("job_id")
    if ticket is not None and request.method == "GET" and job_id is not None:
        home.access.check_place(request)
        tenant = await check_ticket(home.services, ticket, job_id=job_id)
    else:
        ticket, tenant = None, await home.access.tenant_of(request)
    return Caller(home=home, tenant=tenant, deadline_s=deadline_of(home, request), is_guest=ticket is not None)


def deadline_of(home: WebHome, request: Request) -> float | None:
    """The deadline that Lambda's adapter tells (epoch, milliseconds) on our monotonic clock."""
    if not home.is_lambda:
        return None
    clock = home.services.clock
    try:
        deadline_ms = int(json.loads(request.headers["x-amzn-lambda-context"])["deadline"])
    except (KeyError, ValueError, TypeError):
        return None
    return clock.monotonic() + deadline_ms / 1000 - clock.now().timestamp()


CallerOf = Annotated[Caller, Depends(_caller)]
