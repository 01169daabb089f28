"""The orchestrator function: every HTTP route, the live stream and the events of scheduler and sweep.

* `run.sh` starts uvicorn, which calls `create`; nothing happens at import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runnel.usecases.drive_jobs import Drivers
from runnel.web.access import Access
from runnel.web.app import create_app
from runnel.web.context import WebHome
from runnel.wiring.aws import make_orchestrator

if TYPE_CHECKING:
    from fastapi import FastAPI


def create() -> FastAPI:
    """Return the ASGI app of the AWS home; uvicorn's `--factory` calls it once."""
    home = make_orchestrator()
    is_iam = home.settings.auth_type == "AWS_IAM"
    access = Access(services=home.services, mode="iam" if is_iam else "token", tenant=home.settings.tenant)
    return create_app(WebHome(services=home.services, drivers=Drivers(home.services), access=access, is_lambda=True))
