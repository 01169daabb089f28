"""Between values of the domain and rows of the tables."""

import json
import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from runnel.domain.jobs import EndedBecause, Ending, Job, JobKind, JobOptions, JobState, Source, Wish
from runnel.domain.libraries import Batch, Edit, Library, Pointer
from runnel.domain.verdicts import AssetFacts, Counts, FetchError, QueuedUrl, RuledOut, SkipReason, UrlVerdict, Verdict
from runnel.errors import StateUnreadable
from runnel.ports.tokens import Token

Row = dict[str, Any]


def to_json(value: Any) -> str:
    """*value* as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def from_time(instant: datetime) -> str:
    """An instant as text that sorts by time."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _to_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def from_job(job: Job) -> Row:
    """The row of a job."""
    request = {
        "sources": [asdict(source) for source in job.sources],
        "options": job.options.model_dump(mode="json"),
        "kind": job.kind,
        "start": job.start,
        "request_hash": job.request_hash,
        "output": job.output,
        "retry_of": job.retry_of,
    }
    return {
        "tenant": job.tenant,
        "job_id": job.job_id,
        "library_id": job.library_id,
        "created_at": from_time(job.created_at),
        "request": to_json(request),
        "state": job.state.value,
        "owner": job.owner,
        "term": job.term,
        "beat": job.beat,
        "wish": job.wish.value if job.wish else None,
        "wish_no": job.wish_no,
        "publishing": job.publishing,
        "applied_seq": job.applied_seq,
        "spent_s": job.spent_s,
        "spent_usd": job.spent_usd,
        "ending": from_ending(job.ending),
        "deleted": job.deleted,
    }


def to_job(row: sqlite3.Row) -> Job:
    """The job of a row; raises `StateUnreadable` when somebody has damaged it."""
    try:
        return _to_job(row)
    except (ValueError, TypeError, KeyError) as damage:
        raise StateUnreadable(f"The record of job {row['job_id']} is damaged; crawl again.") from damage


def _to_job(row: sqlite3.Row) -> Job:
    fields = dict(row)
    request = json.loads(fields.pop("request"))
    fields |= {
        "created_at": datetime.fromisoformat(row["created_at"]),
        "sources": tuple(Source(**source) for source in request.pop("sources")),
        "options": JobOptions.model_validate(request.pop("options")),
        "kind": JobKind(request.pop("kind")),
        "state": JobState(row["state"]),
        "wish": Wish(row["wish"]) if row["wish"] else None,
        "publishing": bool(row["publishing"]),
        "ending": _to_ending(row["ending"]),
        "deleted": bool(row["deleted"]),
    }
    return Job(**fields, **request)


def from_ending(ending: Ending | None) -> str | None:
    """An ending as its column holds it."""
    return to_json(asdict(ending) | {"ended_at": from_time(ending.ended_at)}) if ending else None


def _to_ending(text: str | None) -> Ending | None:
    if text is None:
        return None
    fields = json.loads(text)
    fields |= {
        "ended_because": EndedBecause(fields["ended_because"]),
        "ended_at": datetime.fromisoformat(fields["ended_at"]),
        "counts": Counts(**fields["counts"]),
    }
    return Ending(**fields)


def pack_urls(urls: Iterable[QueuedUrl]) -> bytes:
    """URLs written for one segment, deflated; the segment is the row's key."""
    return _pack([[url.url, url.depth, url.parent] for url in urls])


def unpack_urls(row: sqlite3.Row) -> list[QueuedUrl]:
    """The URLs of a row; those of one parent share its text: there may be a million of them."""
    first, term, parents = row["first"], row["term"], dict[str, str]()
    return [
        QueuedUrl(url=url, depth=depth, parent=parent and parents.setdefault(parent, parent), first=first, term=term)
        for url, depth, parent in _unpack(row["packed"])
    ]


def pack_ruled_out(urls: Iterable[RuledOut]) -> bytes:
    """URLs decided without a fetch, deflated; facts of a file stand behind the rest."""
    return _pack(
        [
            [url.url, url.reason, url.rule, url.parent, url.depth, *([asdict(url.facts)] if url.facts else [])]
            for url in urls
        ]
    )


def unpack_ruled_out(packed: bytes) -> list[RuledOut]:
    """The URLs that `pack_ruled_out` packed."""
    return [
        RuledOut(url=url, reason=SkipReason(reason), rule=rule, parent=parent, depth=depth, facts=_to_facts(*facts))
        for url, reason, rule, parent, depth, *facts in _unpack(packed)
    ]


def _to_facts(fields: Row | None = None) -> AssetFacts | None:
    return None if fields is None else AssetFacts(**fields)


def _pack(values: list[Any]) -> bytes:
    return zlib.compress(to_json(values).encode("utf-8", "surrogatepass"), 1)


def _unpack(packed: bytes) -> Any:
    return json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))


def from_verdict(verdict: UrlVerdict) -> str:
    """A verdict as its column holds it, without what is empty."""
    fields = {name: getattr(verdict, name) for name in _VERDICT_FIELDS if getattr(verdict, name) is not None}
    if verdict.error:
        fields["error"] = {"category": verdict.error.category, "message": verdict.error.message}
    if verdict.facts:
        fields["facts"] = asdict(verdict.facts)
    return to_json(fields)


_VERDICT_FIELDS = tuple(name for name in UrlVerdict.__dataclass_fields__ if name not in {"url", "error", "facts"})


def to_verdict(row: sqlite3.Row) -> UrlVerdict:
    """The verdict of a row."""
    fields = json.loads(row["verdict"])
    fields["verdict"] = Verdict(fields["verdict"])
    if "error" in fields:
        fields["error"] = FetchError.model_validate(fields["error"])
    fields["facts"] = _to_facts(fields.get("facts"))
    return UrlVerdict(url=row["url"], **fields)


def to_batch(row: sqlite3.Row) -> Batch:
    """The batch of a row."""
    return Batch(
        batch_id=row["batch_id"],
        pages=row["pages"],
        parts={part: tuple(indexes) for part, indexes in json.loads(row["parts"]).items()},
        tries=row["tries"],
        closed=bool(row["closed"]),
        invoked_at=_to_time(row["invoked_at"]),
    )


def from_parts(batch: Batch) -> str:
    """The parts of a batch as their column holds them."""
    return to_json({part: list(indexes) for part, indexes in batch.parts.items()})


def from_library(library: Library) -> Row:
    """The row of a library."""
    return {
        "tenant": library.tenant,
        "library_id": library.library_id,
        "created_at": from_time(library.created_at),
        "sources": to_json([asdict(source) for source in library.sources]),
        "generation": library.pointer.generation,
        "pointer": from_pointers(library.pointer, library.kept),
        "published": to_json(dict(library.published)),
        "active_job": library.active_job,
        "revision": library.revision,
        "settings": to_json(_from_settings(library)),
    }


def to_library(row: sqlite3.Row) -> Library:
    """The library of a row."""
    pointer = json.loads(row["pointer"])
    kept = pointer.pop("kept", ())
    return Library(
        tenant=row["tenant"],
        library_id=row["library_id"],
        created_at=datetime.fromisoformat(row["created_at"]),
        sources=tuple(Source(**source) for source in json.loads(row["sources"])),
        pointer=_to_pointer(pointer),
        kept=tuple(_to_pointer(older) for older in kept),
        published=json.loads(row["published"]),
        active_job=row["active_job"],
        revision=row["revision"],
        **_to_settings(json.loads(row["settings"])),
    )


def _from_settings(library: Library) -> dict[str, Any]:
    """What users set, without what nobody has."""
    edit = library.edit
    settings = {
        "title": library.title,
        "metadata": dict(library.metadata),
        "former_names": list(library.former_names),
        "edit": {"by": edit.by, "at": from_time(edit.at), "fields": list(edit.fields)} if edit else None,
    }
    return {name: value for name, value in settings.items() if value}


def _to_settings(settings: dict[str, Any]) -> dict[str, Any]:
    edit = settings.get("edit")
    if edit:
        at = datetime.fromisoformat(edit["at"])
        settings["edit"] = Edit(by=edit["by"], at=at, fields=tuple(edit["fields"]))
    return settings | {"former_names": tuple(settings.get("former_names", ()))}


def from_pointers(pointer: Pointer, kept: tuple[Pointer, ...]) -> str:
    """A pointer as its column holds it, with those of the generations that are kept."""
    return to_json(_from_pointer(pointer) | {"kept": [_from_pointer(older) for older in kept]})


def _from_pointer(pointer: Pointer) -> dict[str, Any]:
    published_at = from_time(pointer.published_at) if pointer.published_at else None
    return asdict(pointer) | {"published_at": published_at}


def _to_pointer(fields: dict[str, Any]) -> Pointer:
    return Pointer(**fields | {"published_at": _to_time(fields["published_at"])})


def from_token(token: Token) -> Row:
    """The row of a token."""
    return {
        "sha256": token.sha256,
        "tenant": token.tenant,
        "name": token.name,
        "scopes": to_json(token.scopes),
        "created_at": from_time(token.created_at),
        "expires_at": from_time(token.expires_at) if token.expires_at else None,
    }


def to_token(row: sqlite3.Row) -> Token:
    """The token of a row."""
    return Token(
        sha256=row["sha256"],
        tenant=row["tenant"],
        name=row["name"],
        scopes=tuple(json.loads(row["scopes"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=_to_time(row["expires_at"]),
    )
