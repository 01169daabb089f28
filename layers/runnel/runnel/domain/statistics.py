"""What a library holds, in figures."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from runnel.domain.payloads import StoredPage


class SourceFigures(BaseModel):
    """What comes from one source."""

    model_config = ConfigDict(frozen=True)

    pages: int = 0
    words: int = 0


class Statistics(BaseModel):
    """The figures of one generation."""

    model_config = ConfigDict(frozen=True)

    pages: int = 0
    words: int = 0
    chunks: int = 0
    low_quality: int = 0
    #: Pages that hide text from their readers.
    with_hidden_text: int = 0
    #: RFC 3339, UTC: when the oldest and the newest of its pages were fetched.
    oldest_page: str | None = None
    newest_page: str | None = None
    #: Pages by the language that they state; "" states none.
    languages: dict[str, int] = Field(default_factory=dict)
    sources: dict[str, SourceFigures] = Field(default_factory=dict)


def count_pages(pages: Iterable[StoredPage]) -> Statistics:
    """The figures of these pages."""
    words: Counter[str] = Counter()
    by_source: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    chunks = low_quality = hiding = 0
    oldest: str | None = None
    newest: str | None = None
    for page in pages:  # once: ten thousand of them are counted while readers wait for a publication
        words[page.source_id] += page.words
        by_source[page.source_id] += 1
        languages[page.lang] += 1
        chunks += page.chunks
        low_quality += page.low_quality
        hiding += page.hidden_pieces > 0
        at = page.fetched_at
        oldest = at if oldest is None or at < oldest else oldest
        newest = at if newest is None or at > newest else newest
    return Statistics(
        pages=by_source.total(),
        words=words.total(),
        chunks=chunks,
        low_quality=low_quality,
        with_hidden_text=hiding,
        oldest_page=oldest,
        newest_page=newest,
        languages=dict(sorted(languages.items())),
        sources={name: SourceFigures(pages=by_source[name], words=words[name]) for name in sorted(by_source)},
    )
