"""What operators of a stack see of a job, and what nobody sees: secrets, tokens and query strings."""

import asyncio
import gzip
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.ports.tokens import Token
from tests.site.server import SiteServer
from tests.support.http_homes import HttpHome, serving
from tests.support.lambda_home import (
    CRAWLER,
    ORCHESTRATOR,
    PROCESSOR,
    TENANT,
    HomeOptions,
    LambdaHome,
    running_lambda_home,
)

#: Planted where a secret may be; it must be found nowhere.
MARKER = "m4rk3rOfASecret"
_TOKEN = f"{MARKER}-token"
#: What a header reference of a job stands for: the site alone may see it.
_SENT = f"{MARKER}-sent"
_BODY = {"url": "", "library": "watched", "limit": 6, "sitemap": "skip"}


async def crawl_with_secrets(client: httpx.AsyncClient, site: SiteServer, **options: Any) -> tuple[str, list[str]]:
    """A job whose client sends the marker wherever one can; the job's id, and every answer's text."""
    home = HttpHome(name="any", site=site, client=client)
    query = {"ticket": f"{MARKER}-ticket", "api_key": f"{MARKER}-key"}
    headers = {"X-Api-Key": f"{MARKER}-header", "Cookie": f"session={MARKER}-cookie"}
    body = {**_BODY, "url": site.url(), **options}
    raw = await client.post("/v1/jobs", json={**body, "headers": {"Authorization": f"{MARKER}-raw"}})
    created = await client.post("/v1/jobs", json=body, params=query, headers=headers)
    job_id = created.json()["job_id"]
    answers = [raw, created]
    answers.append(await client.get(f"/v1/jobs/{job_id}", params=query, headers=headers))
    answers.append(await client.get(f"/v1/jobs/{job_id}/stream", params=query, headers=headers))
    answers.append(await client.get("/v1/nothing", params=query, headers=headers))
    frames = await home.follow(job_id)
    assert (raw.status_code, created.status_code) == (422, 202)
    assert frames[-1].type == "job_completed"
    log = await client.get(f"/v1/jobs/{job_id}/events", headers={"Accept": "application/x-ndjson"})
    return job_id, [answer.text for answer in answers] + [log.text]


def plain(body: bytes) -> bytes:
    """What is packed, unpacked."""
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            return unpack(body)
        except (OSError, EOFError, zlib.error):
            continue
    return body


def unpacked(value: Any) -> Iterator[bytes]:
    """Every text and binary in an item of the table."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from (name.encode(), *unpacked(one))
    elif isinstance(value, list):
        for one in value:
            yield from unpacked(one)
    else:
        yield plain(value) if isinstance(value, bytes) else str(value).encode()


def stored(home: LambdaHome) -> Iterator[bytes]:
    """Every item of the table and every object of the bucket."""
    for item in home.dynamodb.scan(TableName=home.table)["Items"]:
        yield from unpacked(item)
    for entry in home.s3.list_objects_v2(Bucket=home.bucket)["Contents"]:
        yield entry["Key"].encode()
        yield plain(home.s3.get_object(Bucket=home.bucket, Key=entry["Key"])["Body"].read())


def rows(path: Path) -> Iterator[bytes]:
    """Every value in a laptop's file."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608 - our own tables
                yield from unpacked(list(row))


def lines(home: LambdaHome, function: str) -> list[dict[str, Any]]:
    """What a function has printed as JSON."""
    return [json.loads(line) for line in home.service.logs(function).splitlines() if line.startswith("{")]


async def make_token(home: LambdaHome) -> None:
    """Let the marker be a token."""
    clock = SystemClock()
    stores = DynamoDBStores(home.dynamodb, home.table, clock=clock, ids=SystemIds(clock))
    sha256 = hashlib.sha256(_TOKEN.encode()).hexdigest()
    await stores.tokens.put(Token(sha256=sha256, tenant=TENANT, name="test", created_at=clock.now()))
    stores.close()


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("lambda")
async def test_a_stack_tells_of_a_job_in_all_three_functions_and_of_no_secret(tmp_path: Path) -> None:
    """One id finds every line of a job; no line, item or object holds what only its owner may know."""
    async with SiteServer() as site:
        running = running_lambda_home(tmp_path, HomeOptions(allow_private=site.address))
        home = await asyncio.to_thread(running.__enter__)
        try:
            await make_token(home)
            headers = {"Authorization": f"Bearer {_TOKEN}"}
            async with httpx.AsyncClient(base_url=home.url, headers=headers, timeout=100, trust_env=False) as client:
                job_id, answers = await crawl_with_secrets(client, site)
            kept = await asyncio.to_thread(lambda: list(stored(home)))
            told = {name: lines(home, name) for name in (ORCHESTRATOR, CRAWLER, PROCESSOR)}
            logs = home.logs()
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
    messages = {
        name: {line["message"] for line in of if line.get("correlation_id") == job_id and "message" in line}
        for name, of in told.items()
    }
    metrics = {name for line in told[ORCHESTRATOR] if "_aws" in line for name in line}

    assert messages[ORCHESTRATOR] >= {"driver_started", "driver_ended", "stream_started", "stream_ended"}
    assert messages[CRAWLER] == {"pages_crawled"}
    assert "pages_processed" in messages[PROCESSOR]
    assert {"pages_fetched", "fetch_latency_ms", "queue_depth", "active_streams"} <= metrics
    every = [line for of in told.values() for line in of if line.get("correlation_id") == job_id and "level" in line]
    assert all({"level", "location", "message", "timestamp", "service"} <= line.keys() for line in every)
    assert len(kept) > 50
    assert MARKER not in logs
    assert not [one for one in kept if MARKER.encode() in one]
    assert not [one for one in answers if MARKER in one]
    assert not [seen for seen in site.requests if MARKER in str(seen)]


async def test_a_laptop_keeps_no_secret_of_its_callers(tmp_path: Path) -> None:
    """Neither in its file, nor beside it, nor in what it says."""
    async with (
        SiteServer() as site,
        serving(tmp_path / "home", RUNNEL_ALLOW_PRIVATE=site.address, DOCS_KEY=_SENT) as (url, process),
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client,
    ):
        client.headers["Authorization"] = f"Bearer {_TOKEN}"
        _, answers = await crawl_with_secrets(client, site, headers={"X-Docs-Key": "env:DOCS_KEY"})
        process.terminate()
        _, said = await process.communicate()
    files = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    kept = list(rows(tmp_path / "home" / "runnel.db"))

    assert len(files) >= 2
    assert len(kept) > 50
    assert not [one for one in (*files, *map(plain, files), *kept, said) if MARKER.encode() in one]
    assert not [one for one in answers if MARKER in one]
    pages = [seen.headers for seen in site.requests if seen.path != "/robots.txt"]
    assert {headers["X-Docs-Key"] for headers in pages} == {_SENT}
    assert not [headers for headers in pages if MARKER in str({**headers, "X-Docs-Key": ""})]
