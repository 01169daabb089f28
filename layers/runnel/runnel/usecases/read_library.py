"""Reading a library: its pages, one page, its Markdown."""

import gzip
import zlib

from runnel.domain.jobs import Job
from runnel.domain.libraries import Library
from runnel.domain.payloads import StoredPage
from runnel.errors import LibraryNotFound, PageNotFound
from runnel.fetching.canonical import canonicalize
from runnel.ports.content_store import ContentStore
from runnel.usecases.manifests import read_manifest
from runnel.usecases.process_pages import page_key
from runnel.usecases.services import Services


async def get_library(services: Services, tenant: str, library_id: str) -> Library:
    """The library; raises `LibraryNotFound`."""
    library = await services.libraries.get(tenant, library_id)
    if library is None:
        raise LibraryNotFound(f"There is no library {library_id!r}; `runnel libraries` lists what there is.")
    return library


def is_of(job: Job, library: Library) -> bool:
    """Whether the job is one of the library, under the name that it has or one that it had then."""
    is_called_so = job.library_id in (library.library_id, *library.former_names)
    return is_called_so and job.created_at >= library.created_at  # who had the name before is another library


async def newest_jobs(services: Services, library: Library, limit: int) -> list[Job]:
    """The newest jobs of the library, at most *limit*: also those that it had under another name."""
    found: list[Job] = []
    for name in dict.fromkeys((library.library_id, *library.former_names)):
        jobs, _ = await services.jobs.list_jobs(
            library.tenant, states=frozenset(), library_id=name, cursor=None, limit=limit
        )
        found += [job for job in jobs if is_of(job, library)]
    return sorted(found, key=lambda job: (job.created_at, job.job_id), reverse=True)[:limit]


async def library_name_of(services: Services, job: Job) -> str:
    """What the job's library is called now; the name that the job knows when it was not renamed, or has gone."""
    if await services.libraries.get(job.tenant, job.library_id) is not None:
        return job.library_id
    libraries = await services.libraries.list_libraries(job.tenant)
    return next((one.library_id for one in libraries if is_of(job, one)), job.library_id)


async def own_former_names(services: Services, library: Library) -> tuple[str, ...]:
    """The names that the library had before, but for those that another one has now."""
    others = {one.library_id for one in await services.libraries.list_libraries(library.tenant)}
    return tuple(name for name in library.former_names if name not in others)


async def list_pages(services: Services, tenant: str, library_id: str) -> list[StoredPage]:
    """The pages of the published generation by URL."""
    pages = await read_manifest(services, await get_library(services, tenant, library_id))
    return [pages[url] for url in sorted(pages)]


async def get_page(services: Services, tenant: str, library_id: str, page_or_url: str) -> StoredPage:
    """One page by its id or one of its URLs; raises `PageNotFound`."""
    url = canonicalize(page_or_url) if "://" in page_or_url else None
    for page in await list_pages(services, tenant, library_id):
        if page.page_id == page_or_url or (url is not None and url in (page.url, *page.aliases)):
            return page
    raise PageNotFound(f"The library {library_id!r} has no page {page_or_url!r}.")


async def get_markdown(services: Services, tenant: str, page: StoredPage) -> str:
    """The page's Markdown without front matter; raises `PageNotFound` when the object has gone."""
    markdown = await markdown_of(services.content, tenant, page)
    if markdown is None:
        raise text_missing(page)
    return markdown


def text_missing(page: StoredPage) -> PageNotFound:
    """What to say, and what to do, when a page's object has gone or is damaged."""
    return PageNotFound(f"The Markdown of {page.url} is missing or damaged; try: runnel verify LIBRARY --repair")


async def markdown_of(content: ContentStore, tenant: str, page: StoredPage) -> str | None:
    """The Markdown, or None when the object has gone or is damaged."""
    body = await content.get(tenant, page_key(page.content_hash))
    return unpack(body) if body is not None else None


def unpack(body: bytes) -> str | None:
    """The Markdown of an object; None when it is damaged."""
    try:
        return gzip.decompress(body).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return None
