"""Routes that change libraries by hand: make, name, describe, their sources, single pages.

What a body may hold is checked whole before anything is written: an answer of 422 names each field, nested ones by
their place (`sources.1.url`), and nothing has happened.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from runnel.domain.jobs import Source
from runnel.domain.sources import MOST_SOURCES, free_id
from runnel.errors import UrlInvalid
from runnel.usecases.create_job import parse_start_url
from runnel.usecases.edit_library import (
    MOST_TITLE,
    Wanted,
    change_library,
    create_library,
    find_source,
    remove_source,
    set_source,
)
from runnel.usecases.edit_pages import delete_page, set_page_metadata
from runnel.usecases.read_library import get_library
from runnel.web.context import CallerOf
from runnel.web.shapes import library_to_json, page_to_json, source_to_json

router = APIRouter(prefix="/v1/libraries", tags=["libraries"])

LibraryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
SourceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2_048)]
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
FieldValue = Annotated[str, StringConstraints(max_length=2_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceBody(_Body):
    """Where pages come from."""

    source_id: SourceId | None = Field(default=None, description="Chosen for you if absent.")
    url: Url = Field(description="Start URL.")


class LibraryBody(_Body):
    """A library that is to be made."""

    library_id: LibraryName
    title: str = Field(default="", max_length=MOST_TITLE)
    metadata: dict[FieldName, FieldValue] = Field(default_factory=dict, description="For every page of its crawls.")
    sources: tuple[SourceBody, ...] = Field(default=(), max_length=MOST_SOURCES)


class LibraryChange(_Body):
    """What is to change; what is absent stays."""

    library_id: LibraryName | None = Field(default=None, description="Another name.")
    title: str | None = Field(default=None, max_length=MOST_TITLE)
    metadata: dict[FieldName, FieldValue | None] | None = Field(
        default=None, description="Fields to set, or to remove when null."
    )
    sources: tuple[SourceBody, ...] | None = Field(
        default=None, max_length=MOST_SOURCES, description="All that it is to have; the pages of others go."
    )


class SourcePlace(_Body):
    """Where a source begins."""

    url: Url


class PageChange(_Body):
    """A page's own fields: those that are named are set, or removed when null."""

    metadata: dict[FieldName, FieldValue | None]


@router.post("", status_code=201, summary="Make a library")
async def create(body: LibraryBody, caller: CallerOf) -> Response:
    """Without pages: crawl it by its name. The same request again gives the same library."""
    wanted = Wanted(
        library_id=body.library_id, title=body.title, metadata=body.metadata, sources=_sources(body.sources)
    )
    library = await create_library(caller.services, caller.tenant, wanted)
    place = f"/v1/libraries/{library.library_id}"
    return JSONResponse(library_to_json(library), status_code=201, headers={"Location": place})


@router.patch("/{library_id}", summary="Rename or describe a library")
async def change(library_id: str, body: LibraryChange, caller: CallerOf) -> dict[str, Any]:
    """All of it happens, or nothing does."""
    wanted = Wanted(
        library_id=body.library_id,
        title=body.title,
        metadata=body.metadata,
        sources=None if body.sources is None else _sources(body.sources),
    )
    return library_to_json(await change_library(caller.services, caller.tenant, library_id, wanted))


@router.get("/{library_id}/sources", summary="List the sources of a library")
async def sources(library_id: str, caller: CallerOf) -> dict[str, Any]:
    """In the order in which they are crawled."""
    library = await get_library(caller.services, caller.tenant, library_id)
    return {"items": [source_to_json(source) for source in library.sources], "next_cursor": None}


@router.post("/{library_id}/sources", status_code=201, summary="Add a source")
async def add_source(library_id: str, body: SourceBody, caller: CallerOf) -> Response:
    """One that is there already, with this URL and this id or none, is the answer."""
    url = parse_start_url(body.url)
    _, source = await set_source(caller.services, caller.tenant, library_id, url, body.source_id, may_replace=False)
    place = f"/v1/libraries/{library_id}/sources/{source.source_id}"
    return JSONResponse(source_to_json(source), status_code=201, headers={"Location": place})


@router.get("/{library_id}/sources/{source_id}", summary="One source")
async def get_source(library_id: str, source_id: str, caller: CallerOf) -> dict[str, Any]:
    """Where it begins."""
    return source_to_json(find_source(await get_library(caller.services, caller.tenant, library_id), source_id))


@router.put("/{library_id}/sources/{source_id}", summary="Add or move a source")
async def put_source(library_id: str, source_id: str, body: SourcePlace, caller: CallerOf) -> dict[str, Any]:
    """Its pages stay until it is crawled again."""
    url = parse_start_url(body.url)
    _, source = await set_source(caller.services, caller.tenant, library_id, url, source_id)
    return source_to_json(source)


@router.delete("/{library_id}/sources/{source_id}", summary="Remove a source with its pages")
async def delete_source(library_id: str, source_id: str, caller: CallerOf) -> dict[str, Any]:
    """The source as it was; a new generation is without its pages."""
    source = find_source(await get_library(caller.services, caller.tenant, library_id), source_id)
    await remove_source(caller.services, caller.tenant, library_id, source_id)
    return source_to_json(source)


@router.delete("/{library_id}/pages/{page_id:path}", summary="Delete a page")
async def delete_one_page(library_id: str, page_id: str, caller: CallerOf) -> dict[str, Any]:
    """The page as it was; it comes back when a crawl finds it again."""
    return page_to_json(await delete_page(caller.services, caller.tenant, library_id, page_id))


@router.patch("/{library_id}/pages/{page_id:path}", summary="Set a page's own fields")
async def change_page(library_id: str, page_id: str, body: PageChange, caller: CallerOf) -> dict[str, Any]:
    """They stay through later crawls."""
    return page_to_json(await set_page_metadata(caller.services, caller.tenant, library_id, page_id, body.metadata))


def _sources(given: tuple[SourceBody, ...]) -> tuple[Source, ...]:
    """The sources that a body names; those without an id get one."""
    named: list[Source] = [Source(source_id=one.source_id, url="") for one in given if one.source_id is not None]
    found: list[Source] = []
    for place, one in enumerate(given):
        source_id = one.source_id or free_id([*named, *found])
        try:
            found.append(Source(source_id=source_id, url=parse_start_url(one.url)))
        except UrlInvalid as error:
            raise UrlInvalid(error.message, field=f"sources.{place}.url") from error
    return tuple(found)
