"""Values as items of the table and back; the only module that knows attribute names.

Laws:
1. META stays under 1 KB, so that each of its many updates costs one unit: names are short, defaults are left out, and
   long options move to an item of their own, named by their hash: it never changes and is written before META.
2. Index keys stand on META only while the job has not ended.
3. No attribute but `ttl` is named by one of DynamoDB's reserved words.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from runnel.adapters.dynamodb.attributes import (
    Item,
    binary,
    drop_absent,
    epoch,
    get_float,
    get_int,
    get_moment,
    get_text,
    moment,
    number,
    text,
)
from runnel.adapters.dynamodb.keys import (
    hash_url,
    job_pk,
    make_key,
    parse_job_pk,
    segment_sk,
    tenant_pk,
    token_key,
)
from runnel.domain.jobs import Ending, Job, JobKind, JobOptions, JobState, Source, Wish
from runnel.domain.libraries import Batch
from runnel.domain.segments import BatchItem, Segment, decode_segment, encode_segment
from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict
from runnel.errors import StateUnreadable
from runnel.ports.tokens import Token

#: What this Runnel writes and reads; META names another in `v`. An item without it is of version 1.
META_VERSION = 1
#: Options and sources longer than this leave META.
INLINE_SPEC_BYTES = 500
#: URLs decided without a fetch go into one item up to this size before deflating: under 400 KB whatever they hold.
PACKED_BYTES = 300_000

_SOURCES = TypeAdapter(tuple[Source, ...])
_ENDING = TypeAdapter(Ending)
_VERDICT = TypeAdapter(UrlVerdict)
_VERDICTS = TypeAdapter(list[UrlVerdict])
_RULED_OUT = TypeAdapter(list[RuledOut])

# ---------------------------------------------------------------- jobs


def job_to_items(job: Job) -> tuple[Item, Item | None]:
    """META, and the item of the options when they are too long for it."""
    options = job.options.model_dump_json(exclude_defaults=True)
    sources = _SOURCES.dump_json(job.sources).decode()
    spec: Item = {"op": text(options), "sr": text(sources)}
    if len(options.encode()) + len(sources.encode()) <= INLINE_SPEC_BYTES:
        return _meta(job) | spec, None
    name = hashlib.sha256(f"{options}\n{sources}".encode()).hexdigest()[:16]
    return _meta(job) | {"sp": text(name)}, make_key(job_pk(job.tenant, job.job_id), f"SPEC#{name}") | spec


def _meta(job: Job) -> Item:
    pk = job_pk(job.tenant, job.job_id)
    return make_key(pk, "META") | drop_absent(
        {
            "gsi1pk": None if job.is_over else text("ACTIVE"),
            "gsi1sk": None if job.is_over else text(pk),
            "cr": moment(job.created_at),
            "lb": text(job.library_id),
            "kd": text(job.kind),
            "st": text(job.state),
            "be": None if job.start == "now" else text(job.start),
            "rh": text(job.request_hash) if job.request_hash else None,
            "ou": None if job.output is None else text(job.output),
            "ro": None if job.retry_of is None else text(job.retry_of),
            "ow": None if job.owner is None else text(job.owner),
            "tm": number(job.term),
            "bt": number(job.beat),
            "wi": None if job.wish is None else text(job.wish),
            "wn": number(job.wish_no),
            "pu": {"BOOL": True} if job.publishing else None,
            "ap": number(job.applied_seq),
            "ss": number(job.spent_s) if job.spent_s else None,
            "su": number(job.spent_usd) if job.spent_usd else None,
            "en": None if job.ending is None else ending_to_value(job.ending),
            "dl": {"BOOL": True} if job.deleted else None,
        }
    )


def job_from_items(meta: Mapping[str, Any], spec: Mapping[str, Any]) -> Job:
    """The job; *spec* is the item that holds its options: META itself, or the one that META names."""
    tenant, job_id = parse_job_pk(meta["pk"]["S"])
    version = get_int(meta, "v") or META_VERSION
    if version > META_VERSION:
        raise StateUnreadable(
            f"Job {job_id} was written by a newer Runnel: its version is {version}, ours {META_VERSION}."
            " Deploy that version again; the job is left as it is."
        )
    try:
        return _job_from_items(tenant, job_id, meta, spec)
    except (ValueError, TypeError, KeyError) as damage:
        raise StateUnreadable(f"The record of job {job_id} is damaged; crawl again.") from damage


def _job_from_items(tenant: str, job_id: str, meta: Mapping[str, Any], spec: Mapping[str, Any]) -> Job:
    return Job(
        tenant=tenant,
        job_id=job_id,
        library_id=meta["lb"]["S"],
        sources=_SOURCES.validate_json(spec["sr"]["S"]),
        options=JobOptions.model_validate_json(spec["op"]["S"]),
        created_at=datetime.fromisoformat(meta["cr"]["S"]),
        kind=JobKind(meta["kd"]["S"]),
        state=JobState(meta["st"]["S"]),
        start="on_connect" if "be" in meta else "now",
        request_hash=get_text(meta, "rh") or "",
        output=get_text(meta, "ou"),
        retry_of=get_text(meta, "ro"),
        **_moving_parts(meta),
    )


def _moving_parts(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a job that change while it runs."""
    return {
        "owner": get_text(meta, "ow"),
        "term": get_int(meta, "tm"),
        "beat": get_int(meta, "bt"),
        "wish": Wish(meta["wi"]["S"]) if "wi" in meta else None,
        "wish_no": get_int(meta, "wn"),
        "publishing": "pu" in meta,
        "applied_seq": get_int(meta, "ap"),
        "spent_s": get_float(meta, "ss"),
        "spent_usd": get_float(meta, "su"),
        "ending": _ENDING.validate_json(meta["en"]["S"]) if "en" in meta else None,
        "deleted": "dl" in meta,
    }


def ending_to_value(ending: Ending) -> dict[str, Any]:
    """How a job ended, as one attribute."""
    return text(_ENDING.dump_json(ending).decode())


# ---------------------------------------------------------------- the queue


def url_to_item(pk: str, url: QueuedUrl) -> Item:
    """A queued URL; the term is part of its key, so that two drivers never write one item."""
    return make_key(pk, f"U#{hash_url(url.url)}#{url.term}") | drop_absent(
        {
            "u": text(url.url),
            "d": number(url.depth),
            "p": None if url.parent is None else text(url.parent),
            "f": number(url.first),
            "t": number(url.term),
        }
    )


def url_from_item(item: Mapping[str, Any]) -> QueuedUrl:
    """The queued URL."""
    return QueuedUrl(
        url=item["u"]["S"],
        depth=get_int(item, "d"),
        parent=get_text(item, "p"),
        first=get_int(item, "f"),
        term=get_int(item, "t"),
    )


def verdict_to_item(pk: str, verdict: UrlVerdict) -> Item:
    """A verdict, as JSON without its empty fields."""
    return make_key(pk, f"V#{hash_url(verdict.url)}") | {
        "v": text(_VERDICT.dump_json(verdict, exclude_defaults=True).decode())
    }


def unchanged_to_items(pk: str, name: str, verdicts: Sequence[UrlVerdict]) -> list[Item]:
    """Verdicts of pages that had not changed, deflated: such a page is to cost no write of its own.

    Their keys lie among those of the other verdicts: `=` comes before any letter and after the digits.
    """
    lines = (_VERDICT.dump_json(verdict, exclude_defaults=True) for verdict in verdicts)
    return [
        make_key(pk, f"V#={name}-{n:04}") | {"z": binary(zlib.compress(packed, 6))}
        for n, packed in enumerate(_pack(lines))
    ]


def verdicts_from_item(item: Mapping[str, Any]) -> list[UrlVerdict]:
    """The verdict, or those of a packed item."""
    if "z" in item:
        return _VERDICTS.validate_json(zlib.decompress(item["z"]["B"]))
    return [_VERDICT.validate_json(item["v"]["S"])]


def ruled_out_to_items(pk: str, name: str, ruled_out: Sequence[RuledOut]) -> list[Item]:
    """URLs decided without a fetch, deflated; mostly one item. *name* is the writer's own, `<first seq>[r<term>]`."""
    return [
        make_key(pk, f"V#+{name}-{n:04}") | {"z": binary(zlib.compress(lines, 6))}
        for n, lines in enumerate(_pack(_RULED_OUT.dump_json([one], exclude_defaults=True)[1:-1] for one in ruled_out))
    ]


def _pack(lines: Iterable[bytes]) -> Iterator[bytes]:
    """JSON lists of at most `PACKED_BYTES`."""
    pack: list[bytes] = []
    size = 0
    for line in lines:
        if pack and size + len(line) > PACKED_BYTES:
            yield b"[" + b",".join(pack) + b"]"
            pack, size = [], 0
        pack.append(line)
        size += len(line) + 1
    if pack:
        yield b"[" + b",".join(pack) + b"]"


def ruled_out_from_item(item: Mapping[str, Any]) -> list[RuledOut]:
    """The URLs of one packed item."""
    return _RULED_OUT.validate_json(zlib.decompress(item["z"]["B"]))


# ---------------------------------------------------------------- log and batches


def segment_to_item(pk: str, segment: Segment) -> Item:
    """An event segment: its bytes are all there is."""
    return make_key(pk, segment_sk(segment.first)) | {"z": binary(encode_segment(segment))}


def segment_from_item(item: Mapping[str, Any]) -> Segment:
    """The segment."""
    return decode_segment(item["z"]["B"])


def batch_to_item(pk: str, batch: BatchItem) -> Item:
    """A batch that nobody has worked on."""
    return make_key(pk, f"B#{batch.batch_id}") | {
        "n": number(batch.pages),
        "tr": number(0),
        "pt": {"M": {}},
    }


def batch_from_item(item: Mapping[str, Any]) -> Batch:
    """The batch."""
    parts = {part: indexes_from_value(value) for part, value in item["pt"]["M"].items()}
    return Batch(
        batch_id=item["sk"]["S"].removeprefix("B#"),
        pages=get_int(item, "n"),
        parts=parts,
        tries=get_int(item, "tr"),
        closed="cl" in item,
        invoked_at=get_moment(item, "iv"),
    )


def indexes_to_value(indexes: Sequence[int]) -> dict[str, Any]:
    """Places of pages in a batch."""
    return text(",".join(map(str, indexes)))


def indexes_from_value(value: Mapping[str, str]) -> tuple[int, ...]:
    """Places of pages in a batch."""
    return tuple(int(index) for index in value["S"].split(",") if index)


# ---------------------------------------------------------------- tokens


def token_to_item(token: Token) -> Item:
    """A token, under its hash."""
    return token_key(token.sha256) | drop_absent(
        {
            "tn": text(token.tenant),
            "nm": text(token.name),
            "sc": {"L": [text(scope) for scope in token.scopes]},
            "cr": moment(token.created_at),
            "ex": None if token.expires_at is None else moment(token.expires_at),
        }
    )


def token_to_list_item(token: Token) -> Item:
    """The same token, in its tenant's list."""
    return token_to_item(token) | make_key(tenant_pk(token.tenant), f"TOKEN#{token.sha256}")


def token_from_item(item: Mapping[str, Any]) -> Token:
    """The token, from either item."""
    where = item["sk"] if item["sk"]["S"] != "META" else item["pk"]
    return Token(
        sha256=where["S"].removeprefix("TOKEN#"),
        tenant=item["tn"]["S"],
        name=item["nm"]["S"],
        scopes=tuple(scope["S"] for scope in item["sc"]["L"]),
        created_at=datetime.fromisoformat(item["cr"]["S"]),
        expires_at=get_moment(item, "ex"),
    )


def with_ttl(item: Item, expires: datetime) -> Item:
    """The item, removed by DynamoDB some time after *expires*."""
    return item | {"ttl": epoch(expires)}
