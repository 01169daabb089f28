"""The YAML block that begins a page's file."""

from hashlib import blake2b
from typing import Any, Final

from runnel.domain.payloads import StoredPage

_LINE_WIDTH: Final = 2**30  # one value, one line


def front_matter(library_id: str, page: StoredPage) -> str:
    """The YAML block that begins a page's file; the fields of ours win over custom metadata of the same name.

    The first seven stand in every file, the others where the page says as much.
    """
    import yaml  # by whoever writes a page: a function that only can would pay for it at its start

    # libyaml's dumper is seven times as fast as the one in Python, where PyYAML was built with it.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    fields = _fields(library_id, page)
    text: str = yaml.dump(fields, Dumper=dumper, allow_unicode=True, sort_keys=False, width=_LINE_WIDTH)
    return f"---\n{text}---\n\n"


def front_digest(library_id: str, page: StoredPage) -> str:
    """Names what the block of a page says, without writing it as YAML."""
    told = repr(list(_fields(library_id, page).items()))
    return blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _fields(library_id: str, page: StoredPage) -> dict[str, Any]:
    fields = {
        "url": page.url,
        "title": page.title,
        "description": page.description,
        "fetched_at": page.fetched_at,
        "content_hash": page.content_hash,
        "library": library_id,
        "lang": page.lang,
        **{name: value for name, value in _further(page).items() if value},
    }
    return fields | {name: value for name, value in page.metadata.items() if name not in fields}


def _further(page: StoredPage) -> dict[str, Any]:
    return {
        "canonical": page.canonical if page.canonical != page.url else None,
        "modified": page.modified,
        "version": page.version,
        "breadcrumbs": list(page.breadcrumbs),
        "extraction": page.extraction,
    }
