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
    pages = tuple(pages)
    by_source: dict[str, list[int]] = {}
    for page in pages:
        by_source.setdefault(page.source_id, []).append(page.words)
    times = [page.fetched_at for page in pages]
    return Statistics(
        pages=len(pages),
        words=sum(page.words for page in pages),
        chunks=sum(page.chunks for page in pages),
        low_quality=sum(page.low_quality for page in pages),
        with_hidden_text=sum(page.hidden_pieces > 0 for page in pages),
        oldest_page=min(times, default=None),
        newest_page=max(times, default=None),
        languages=dict(sorted(Counter(page.lang for page in pages).items())),
        sources={name: SourceFigures(pages=len(of), words=sum(of)) for name, of in sorted(by_source.items())},
    )
