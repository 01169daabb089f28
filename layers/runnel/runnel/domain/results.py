"""The result object of one processor invocation: a summary, then the pages, as gzipped lines of JSON.

The driver reads the first line only; publishing copies the others.
"""

import gzip
import json
from collections.abc import Iterator

from runnel.domain.payloads import PageOutcome, ProcessResult, StoredPage


def encode_result(result: ProcessResult) -> bytes:
    """The object's bytes, the same for the same result."""
    pages = [outcome.page for outcome in result.outcomes if outcome.page]
    lines = [_summary(result), *(page.model_dump_json() for page in pages)]
    return gzip.compress("\n".join(lines).encode("utf-8", "replace"), 1, mtime=0)


def decode_summary(body: bytes) -> ProcessResult:
    """The result with each page cut down to what the events tell."""
    return ProcessResult.model_validate_json(gzip.decompress(body).split(b"\n", 1)[0])


def decode_pages(body: bytes) -> Iterator[StoredPage]:
    """The pages in full."""
    for line in gzip.decompress(body).split(b"\n")[1:]:
        yield StoredPage.model_validate_json(line)


def _summary(result: ProcessResult) -> str:
    slim = tuple(_slim(outcome) for outcome in result.outcomes)
    return json.dumps(result.model_copy(update={"outcomes": slim}).model_dump(mode="json"))


def _slim(outcome: PageOutcome) -> PageOutcome:
    if outcome.page is None:
        return outcome
    page = outcome.page.model_copy(update={"links": (), "headings": (), "metadata": {}, "description": ""})
    return outcome.model_copy(update={"page": page})
