"""Routes of libraries: what there is, their pages, a page as Markdown."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from runnel.usecases.delete_library import delete_library
from runnel.usecases.library_statistics import read_statistics
from runnel.usecases.read_library import get_library, get_markdown, get_page, list_pages
from runnel.web.context import CallerOf
from runnel.web.paging import PagingOf
from runnel.web.shapes import library_to_json, page_to_json

router = APIRouter(prefix="/v1/libraries", tags=["libraries"])


@router.get("", summary="List libraries")
async def list_all(caller: CallerOf) -> dict[str, Any]:
    """The tenant's libraries by name."""
    libraries = await caller.services.libraries.list_libraries(caller.tenant)
    return {"items": [library_to_json(library) for library in libraries], "next_cursor": None}


@router.get("/{library_id}", summary="One library")
async def get_one(library_id: str, caller: CallerOf) -> dict[str, Any]:
    """Its sources, the generation that it shows, and the figures of that."""
    library = await get_library(caller.services, caller.tenant, library_id)
    statistics = await read_statistics(caller.services, library)
    return {**library_to_json(library), "statistics": statistics.model_dump(mode="json")}


@router.delete("/{library_id}", summary="Delete a library")
async def delete(library_id: str, caller: CallerOf) -> dict[str, Any]:
    """The library as it was: gone with its pages and generations; its jobs stay."""
    return library_to_json(await delete_library(caller.services, caller.tenant, library_id))


@router.get("/{library_id}/pages", summary="List pages by URL")
async def pages(library_id: str, caller: CallerOf, paging: PagingOf) -> dict[str, Any]:
    """One page of the published generation."""
    part, next_cursor = paging.cut(await list_pages(caller.services, caller.tenant, library_id))
    return {"items": [page_to_json(page) for page in part], "next_cursor": next_cursor}


@router.get("/{library_id}/pages/{page_id:path}", summary="One page, as JSON or Markdown")
async def page(library_id: str, page_id: str, request: Request, caller: CallerOf) -> Response:
    """Markdown when `Accept: text/markdown` asks for it; *page_id* may also be the page's URL."""
    found = await get_page(caller.services, caller.tenant, library_id, page_id)
    markdown = await get_markdown(caller.services, caller.tenant, found)
    if "text/markdown" in request.headers.get("accept", ""):
        return PlainTextResponse(markdown, media_type="text/markdown; charset=utf-8")
    return JSONResponse({**page_to_json(found), "markdown": markdown})
