"""The YAML block that begins a page's file."""

from typing import Any, Final

import yaml

from runnel.domain.payloads import StoredPage

#: libyaml's dumper, seven times as fast as the one in Python, where PyYAML was built with it.
_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LINE_WIDTH: Final = 2**30  # one value, one line


def front_matter(library_id: str, page: StoredPage) -> str:
    """The YAML block that begins a page's file; the fields of ours win over custom metadata of the same name."""
    fields = {
        "url": page.url,
        "title": page.title,
        "description": page.description,
        "fetched_at": page.fetched_at,
        "content_hash": page.content_hash,
        "library": library_id,
        "lang": page.lang,
    }
    more = {name: value for name, value in page.metadata.items() if name not in fields}
    text: str = yaml.dump(fields | more, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=_LINE_WIDTH)
    return f"---\n{text}---\n\n"
