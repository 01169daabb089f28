"""The YAML block that begins a page's file.

Laws (tests/integration/test_output_folder.py): a reader of YAML finds what the page said, to the letter; no text of a
page becomes a field. A word that no reader could take for anything else stands as it is; every other text in double
quotes, as JSON has it, which is YAML too.
"""

import json
import re
from hashlib import blake2b
from typing import Final

from runnel.domain.payloads import StoredPage

_LINE_WIDTH: Final = 2**30  # one value, one line

#: Texts that stand as they are: words, addresses, versions that begin with a letter.
_PLAIN: Final = re.compile(r"(?:https?://)?[A-Za-z][\w./()+-]*(?: [\w./()+-]+)*", re.ASCII)
#: Words that one YAML or another reads as something else.
_RESERVED: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: A longer name is no simple key.
_LONGEST_NAME: Final = 120


def front_matter(library_id: str, page: StoredPage) -> str:
    """The YAML block that begins a page's file; the fields of ours win over custom metadata of the same name.

    The first seven stand in every file, the others where the page says as much.
    """
    lines = "".join(_field(name, value) for name, value in _fields(library_id, page).items())
    return f"---\n{lines}---\n\n"


def _field(name: str, value: str | list[str]) -> str:
    texts = [name, value] if isinstance(value, str) else [name, *value]
    if len(name) > _LONGEST_NAME or not all(map(str.isprintable, texts)):
        import yaml  # which costs ten times as much, and escapes all that is not for eyes

        written: str = yaml.safe_dump({name: value}, width=_LINE_WIDTH)
        return written
    if isinstance(value, str):
        return f"{_scalar(name)}: {_scalar(value)}\n"
    return "\n- ".join([f"{_scalar(name)}:", *map(_scalar, value)]) + "\n"


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return json.dumps(text, ensure_ascii=False)


def front_digest(library_id: str, page: StoredPage) -> str:
    """Names what the block of a page says, without writing it as YAML."""
    told = repr(list(_fields(library_id, page).items()))
    return blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _fields(library_id: str, page: StoredPage) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {
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


def _further(page: StoredPage) -> dict[str, str | list[str]]:
    return {
        "canonical": page.canonical if page.canonical and page.canonical != page.url else "",
        "modified": page.modified,
        "version": page.version,
        "breadcrumbs": list(page.breadcrumbs),
        "extraction": page.extraction,
    }
