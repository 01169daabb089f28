"""The YAML block that begins a page's file."""

from typing import Final

from runnel.domain.payloads import StoredPage

_LINE_WIDTH: Final = 2**30  # one value, one line


def front_matter(library_id: str, page: StoredPage) -> str:
    """The YAML block that begins a page's file; the fields of ours win over custom metadata of the same name."""
    import yaml  # by whoever writes a page: a function that only can would pay for it at its start

    # libyaml's dumper is seven times as fast as the one in Python, where PyYAML was built with it.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    fields = {
        "url": page.url,
        "title": page.title,
        "description": page.description,
        "fetched_at": page.fetched_at,
        "content_hash": page.content_hash,
        "library": library_id,
        "lang": page.lang,
        **({"extraction": page.extraction} if page.extraction else {}),
    }
    more = {name: value for name, value in page.metadata.items() if name not in fields}
    text: str = yaml.dump(fields | more, Dumper=dumper, allow_unicode=True, sort_keys=False, width=_LINE_WIDTH)
    return f"---\n{text}---\n\n"
