"""The one HTTP app: on Lambda behind the Web Adapter, on a laptop as `runnel serve`."""

from typing import Final

from fastapi import FastAPI

from runnel import __version__
from runnel.web import (
    all_streams,
    downloads,
    generations,
    jobs,
    libraries,
    library_edits,
    many_jobs,
    maps,
    openapi,
    operations,
    problems,
    reference,
    reports,
    shares,
    streams,
    why,
)
from runnel.web.body_limit import BodyLimit
from runnel.web.context import WebHome
from runnel.web.head import HeadAnswers

#: The first that fits a path answers: what stands for all jobs comes before what takes a job's id.
_PARTS: Final = (
    *(operations, all_streams, jobs, why, many_jobs, maps, streams, shares, downloads, reports),
    *(generations, libraries, library_edits, reference),
)


def create_app(home: WebHome) -> FastAPI:
    """The app that serves *home*."""
    app = FastAPI(
        title="Runnel",
        version=__version__,
        description="Crawls documentation sites into LLM-ready Markdown and a searchable library.",
        docs_url=None,  # FastAPI's own pages are loaded from the network
        redoc_url=None,
    )
    app.state.home = home
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(HeadAnswers)
    for part in _PARTS:
        app.include_router(part.router)
    openapi.describe(app)
    return app
