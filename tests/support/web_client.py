"""A client of the app over a made-up home: no socket, no network, the clock of the test."""

from __future__ import annotations

import httpx

from runnel.usecases.drive_jobs import Drivers
from runnel.web.access import Access, Mode
from runnel.web.app import create_app
from runnel.web.context import WebHome
from tests.support.homes import TENANT, ScriptedHome


def web_client(home: ScriptedHome, *, mode: Mode = "loopback", is_lambda: bool = False) -> httpx.AsyncClient:
    """A client whose requests come from this machine, unless a test says otherwise; close it, or let it go."""
    services = home.outside.services
    access = Access(services=services, mode=mode, tenant=TENANT)
    app = create_app(WebHome(services=services, drivers=Drivers(services), access=access, is_lambda=is_lambda))
    # As a server does: what the app raises is its own matter, the client gets the answer.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8765")
