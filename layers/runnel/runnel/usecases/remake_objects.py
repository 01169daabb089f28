"""Making stored objects anew: from the raw responses by the present extractor, and from the log of the job that made
them.

Law: what is returned is what was there, or None: an object whose content comes out different is not returned.
"""

from dataclasses import dataclass, field
from functools import partial

from runnel.domain.fold import JobFold
from runnel.domain.jobs import Job
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import ProcessPage, ProcessRequest, StoredPage
from runnel.domain.results import encode_result
from runnel.domain.verdicts import RawRef
from runnel.errors import RunnelError
from runnel.ports.page_reader import PageReader
from runnel.usecases.generations import reach
from runnel.usecases.index_library import with_index
from runnel.usecases.inspect_objects import is_result
from runnel.usecases.manifests import Manifest, load_details, load_final_urls, load_manifest
from runnel.usecases.merge_pages import merge_pages
from runnel.usecases.patience import sure
from runnel.usecases.process_pages import ProcessorPorts, read_batch
from runnel.usecases.publish import collect_pages
from runnel.usecases.services import Services
from runnel.usecases.site_profiles import SourceProfiles, recall_profiles
from runnel.usecases.stored_responses import fold_log
from runnel.usecases.track_batches import page_to_process, result_key


@dataclass(slots=True)
class Remaker:
    """Makes objects of one tenant anew; the logs that it has read are remembered."""

    services: Services
    tenant: str
    _logs: dict[str, tuple[Job, JobFold] | None] = field(default_factory=dict)

    async def page(self, page: StoredPage) -> bytes | None:
        """The object of a page's Markdown."""
        asked = await self._asked_of(page)
        if asked is None:
            return None
        made_by = await self._request_of(page.details[0]) if page.details is not None else None
        request = made_by or _request(self.tenant, (asked,), low_quality_below=0)
        # It was kept: no score loses it now.
        request = request.model_copy(update={"pages": (asked,), "low_quality_below": 0})
        for stored, reading in (await read_batch(ports_of(self.services), request))[1]:
            if stored.content_hash == page.content_hash:
                return reading.markdown_gz
        return None

    async def result(self, key: str, pages: tuple[StoredPage, ...]) -> bytes | None:
        """The result object at *key*, to which the lists of these *pages* point."""
        request = await self._request_of(key)
        if request is None:
            return None
        result, _ = await read_batch(ports_of(self.services), request)
        body = encode_result(result)
        return body if is_result(body, key, pages) else None

    async def manifest(self, library: Library, path: str) -> tuple[Pointer, Manifest] | None:
        """The list of pages of the generation at *path*, as the job that published it made it from its base."""
        pointer = next((one for one in library.kept[::-1] if one.path == path), None)
        known = await self._log_of(pointer.published_by or "") if pointer is not None else None
        if pointer is None or known is None:
            return None
        job, fold = known
        if fold.ending is None or fold.published not in (None, pointer.generation):
            return None
        because = fold.ending.ended_because
        if fold.published is None:
            because = reach(because)
        try:
            base = await load_manifest(self.services, self.tenant, pointer.base_path)
            await self._restore_results(job, fold)
            fresh = await collect_pages(self.services, job, fold)
            merged = await merge_pages(self.services, base, fresh, job, fold, because)
        except RunnelError:
            return None
        if len(merged.manifest.pages) != pointer.pages:
            return None
        return pointer, await with_index(self.services, library, base, pointer.base_path, merged.manifest)

    async def _restore_results(self, job: Job, fold: JobFold) -> None:
        """Write those results of a job again that are missing or cannot be read: its pages are collected from them."""
        batch_ids = tuple(sorted(set(fold.batch_of.values())))
        found = await sure(self.services, partial(self.services.batches.get_many, self.tenant, job.job_id, batch_ids))
        keys = [result_key(job.job_id, name, part) for name in batch_ids if name in found for part in found[name].parts]
        for key in keys:
            body = await sure(self.services, partial(self.services.content.get, self.tenant, key))
            made = await self.result(key, ()) if body is None or not is_result(body, key, ()) else None
            if made is not None:
                await self.services.content.put(self.tenant, key, made)

    async def _asked_of(self, page: StoredPage) -> ProcessPage | None:
        """What the processor was asked for: by the page's details, else by the log of the job that made it."""
        whole = (await load_details(self.services, self.tenant, [page])).get(page.url)
        if whole is not None and whole.raw is not None:
            finals = await load_final_urls(self.services, self.tenant, [page])
            return _ask(whole, whole.raw, finals.get(page.url, page.url))
        request = await self._request_of(page.details[0]) if page.details else None
        pages = request.pages if request is not None else ()
        return next((asked for asked in pages if asked.body_hash == page.body_hash), None)

    async def _request_of(self, key: str) -> ProcessRequest | None:
        """What was asked when the result at *key* was made, as the job's log tells it."""
        _, job_id, batch_id, name = key.split("/")
        known = await self._log_of(job_id)
        if known is None:
            return None
        job, fold = known
        urls = [url for url, batch in fold.batch_of.items() if batch == batch_id]
        part = name.partition(".")[0]
        places = range(len(urls)) if part == "all" else [int(part.rpartition("-")[2])]
        pages = tuple(page_to_process(at, urls[at], fold.crawled[urls[at]]) for at in places if at < len(urls))
        profiles = SourceProfiles(self.services, job, fold)
        profiles.known = await recall_profiles(self.services, job, fold)
        below = self.services.tuning.low_quality_below
        request = _request(self.tenant, pages, job=job, batch_id=batch_id, part=part, low_quality_below=below)
        read_with = profiles.of_sources(page.source_id for page in pages)
        return request.model_copy(update={"profiles": read_with}) if pages else None

    async def _log_of(self, job_id: str) -> tuple[Job, JobFold] | None:
        """A job and what its log tells; None when it has gone or cannot be read."""
        if job_id not in self._logs:
            job = await sure(self.services, partial(self.services.jobs.get, self.tenant, job_id))
            try:
                self._logs[job_id] = (job, await fold_log(self.services, job)) if job is not None else None
            except RunnelError:
                self._logs[job_id] = None
        return self._logs[job_id]


class _NothingRendered:
    """Nobody has rendered these pages just now."""

    def take(self, raw: RawRef) -> None:  # noqa: ARG002  # the port's signature
        return None


def ports_of(services: Services) -> ProcessorPorts:
    """What reading pages anew may touch."""
    reader: PageReader = services.reader
    return ProcessorPorts(
        jobs=services.jobs, batches=services.batches, content=services.content, raw=services.raw, reader=reader,
        rendered=_NothingRendered(), batch_bell=services.batch_bell, outputs=services.outputs,
    )  # fmt: skip


def _ask(page: StoredPage, raw: RawRef, final_url: str) -> ProcessPage:
    return ProcessPage(
        index=0, url=page.url, final_url=final_url, raw=raw, content_type=page.content_type, charset=page.charset,
        body_hash=page.body_hash, fetched_at=page.fetched_at, source_id=page.source_id,
        twin=page.twin,
    )  # fmt: skip


def _request(
    tenant: str,
    pages: tuple[ProcessPage, ...],
    *,
    low_quality_below: int,
    job: Job | None = None,
    batch_id: str = "",
    part: str = "",
) -> ProcessRequest:
    return ProcessRequest(
        tenant=tenant,
        job_id=job.job_id if job else "",
        library_id=job.library_id if job else "",
        batch_id=batch_id,
        part=part,
        batch_pages=len(pages),
        pages=pages,
        metadata=job.options.metadata if job else {},
        low_quality_below=low_quality_below,
    )
