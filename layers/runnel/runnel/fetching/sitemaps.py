"""What a sitemap lists: XML in any namespace, an index of sitemaps, a feed, or plain text; packed or not.

Laws (tests/unit/fetching/test_sitemaps.py):

* any bytes give a `Sitemap` or `FetchFailed`; memory is bounded by the limits of a body and by *most*;
* a file that declares entities is refused, and nothing that it names is ever opened;
* a file that breaks off gives what came before; bare ampersands and damaged characters are repaired; any other XML that
  is not well-formed is refused, since nobody knows what it would say.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from xml.parsers import expat
from xml.parsers.expat import errors as expat_errors

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.canonical import MAX_URL_LENGTH, canonicalize
from runnel.fetching.decoding import BodyDecoder, BodyLimits

#: URLs that one file may list by the protocol.
MAX_SITEMAP_URLS: Final = 50_000

#: So far a declaration is looked for.
_PROLOGUE_BYTES: Final = 2_048
_GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_TIMES: Final = frozenset({"lastmod", "pubDate", "date", "updated", "modified"})
#: Longest text of a field that is kept; the rest of a longer one is no URL any more.
_FIELD_CHARACTERS: Final = 4 * MAX_URL_LENGTH
_BREAKS_OFF: Final = frozenset(
    expat_errors.codes[name]
    for name in (
        expat_errors.XML_ERROR_NO_ELEMENTS,
        expat_errors.XML_ERROR_UNCLOSED_TOKEN,
        expat_errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat_errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_REPAIRABLE: Final = frozenset(
    expat_errors.codes[name] for name in (expat_errors.XML_ERROR_INVALID_TOKEN, expat_errors.XML_ERROR_UNDEFINED_ENTITY)
)
_BARE_AMPERSAND: Final = re.compile(
    rb"(<!\[CDATA\[.*?(?:\]\]>|\Z))|&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)", re.DOTALL
)
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of file: its entries, where they lie, and what holds their address."""

    entry: str
    place: str
    depth: int = 2


_KINDS: Final = {
    "urlset": _Kind(entry="url", place="loc"),
    "sitemapindex": _Kind(entry="sitemap", place="loc"),
    "rss": _Kind(entry="item", place="link", depth=3),
    "RDF": _Kind(entry="item", place="link"),
    "feed": _Kind(entry="entry", place="link"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapUrl:
    """One page that a sitemap lists."""

    #: Canonical.
    url: str
    #: When the page was changed last as the site tells it, RFC 3339 in UTC; None when it does not, or not readably.
    lastmod: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """What a sitemap file lists, each address once, in order."""

    urls: tuple[SitemapUrl, ...] = ()
    #: Further sitemap files, canonical: those of an index.
    sitemaps: tuple[str, ...] = ()
    #: The file breaks off, or lists more than was asked for.
    truncated: bool = False


def parse_sitemap(body: bytes, *, url: str, most: int = MAX_SITEMAP_URLS) -> Sitemap:
    """Read the sitemap that was found at *url*.

    Args:
        body: The file as it came, gzip included.
        url: Where it was found: the base of relative addresses.
        most: Addresses that are read, at most.

    Raises:
        FetchFailed: It is no sitemap, or cannot be read (decode); it unpacks to too much (too_large).
    """
    if body.startswith(_GZIP_MAGIC):
        body = _unpack(body)
    body = body.removeprefix(_UTF8_BOM).lstrip(b" \t\r\n")
    if body.startswith(b"<!--") and (declared := body.find(b"<?xml", 0, _PROLOGUE_BYTES)) > 0:
        body = body[declared:]  # a comment that some program has put before the declaration
    listing = _Listing(url, most)
    if body.startswith(b"<") or (body.startswith(_UTF16_BOMS) and b"<" in body[:4]):
        _read_xml(body, listing)
    else:
        _read_text(body, listing)
    return listing.sitemap()


def _unpack(body: bytes) -> bytes:
    """Undo gzip; raises `FetchFailed` (decode, too_large)."""
    decoder = BodyDecoder("gzip", BodyLimits())
    decoder.feed(body)
    return decoder.finish()


class _Full(Exception):
    """So much was asked for, and no more."""


class _Listing:
    """What has been read so far."""

    def __init__(self, base: str, most: int) -> None:
        self._base = base
        self._most = most
        self._times: dict[str, str | None] = {}
        self.is_index = False
        self.is_truncated = False

    def add(self, address: str, lastmod: str) -> None:
        """Take an entry; one that is no URL is none. Raises `_Full`."""
        target = canonicalize(address, base=self._base) if address else None
        if target is None or target in self._times:
            return
        if len(self._times) >= self._most:
            raise _Full
        self._times[target] = _instant(lastmod)

    def clear(self) -> None:
        """Begin again."""
        self._times.clear()

    def sitemap(self) -> Sitemap:
        """What was read."""
        if self.is_index:
            return Sitemap(sitemaps=tuple(self._times), truncated=self.is_truncated)
        urls = tuple(SitemapUrl(url=url, lastmod=lastmod) for url, lastmod in self._times.items())
        return Sitemap(urls=urls, truncated=self.is_truncated)


def _instant(text: str) -> str | None:
    """Read a W3C or an RFC 822 time; None when it is neither."""
    try:
        instant = _read_time(text)
        return instant.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
    except (ValueError, TypeError, OverflowError, IndexError):  # what the two readers raise
        return None


def _read_time(text: str) -> datetime:
    """Read a time; one of RFC 822 must name its zone. Raises `ValueError` and more."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = parsedate_to_datetime(text)
        if instant.tzinfo is None:
            raise
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


# ---------------------------------------------------------------- text


def _read_text(body: bytes, listing: _Listing) -> None:
    """Read one address a line; raises `FetchFailed` when there is none."""
    encoding = "utf-16" if body.startswith(_UTF16_BOMS) else "utf-8"
    found = False
    try:
        for line in body.decode(encoding, errors="replace").splitlines():
            address = line.strip()
            if address.lower().startswith(("http://", "https://")):
                found = True
                listing.add(address, "")
    except _Full:
        listing.is_truncated = True
    if not found:
        raise FetchFailed(ErrorCategory.DECODE, "the file is no sitemap: neither XML nor a list of addresses")


# ---------------------------------------------------------------- XML


def _read_xml(body: bytes, listing: _Listing) -> None:
    """Read XML, repaired when it needs that; raises `FetchFailed` when there is no sense in it."""
    try:
        _parse(body, listing)
    except expat.ExpatError as error:
        if error.code not in _REPAIRABLE:
            raise _unreadable(error) from error
        listing.clear()
        try:
            _parse(_repaired(body), listing)
        except (expat.ExpatError, ValueError, LookupError) as second:
            raise _unreadable(second) from second
    except (ValueError, LookupError) as error:  # a charset that expat cannot take
        raise _unreadable(error) from error


def _parse(body: bytes, listing: _Listing) -> None:
    """Parse once; raises `expat.ExpatError`, but not for what comes after the root or is missing at the end."""
    reader = _Reader(listing)
    try:
        try:
            reader.parser.Parse(body, True)  # noqa: FBT003  # the parser takes it by place only
        except expat.ExpatError as error:
            if not reader.has_root or not (reader.is_over or error.code in _BREAKS_OFF):
                raise
            reader.finish()
            listing.is_truncated = not reader.is_over
    except _Full:
        listing.is_truncated = True


def _unreadable(error: Exception) -> FetchFailed:
    return FetchFailed(ErrorCategory.DECODE, f"the sitemap cannot be read: {str(error)[:200]}")


def _repaired(body: bytes) -> bytes:
    """Mend what sites often break: ampersands that begin no reference, control characters, damaged UTF-8."""
    body = _CONTROLS.sub(b" ", _BARE_AMPERSAND.sub(lambda found: found[1] or b"&amp;", body))
    head = body[:200].lower()
    if b"encoding=" not in head or b"utf-8" in head:
        body = body.decode(errors="replace").encode()
    return body


class _Reader:
    """Reads addresses out of the parser's events: fields of entries at the depth where they belong."""

    def __init__(self, listing: _Listing) -> None:
        self._listing = listing
        self._kind = _KINDS["urlset"]
        self._prefix = ""
        self._depth = 0
        self._in_entry = False
        #: The field of the entry that is being read (`""`: the entry's own text), and its text so far.
        self._field: str | None = None
        self._text: list[str] = []
        self._length = 0
        #: Of the entry: its addresses, each with its time; what stands for an address when it has none.
        self._places: list[list[str]] = []
        self._instead = ""
        self._early_time = ""
        self.has_root = False
        self.is_over = False
        self.parser = _hardened_parser(self._start, self._end, self._data)

    def finish(self) -> None:
        """Take the addresses of the entry that was being read when the file broke off."""
        if self._in_entry and self._places:
            self._end_entry()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        prefix, _, name = tag.rpartition(":")
        if self._depth == 1:
            self._start_root(prefix, name)
        elif self._depth == self._kind.depth:
            self._start_entry(prefix, name)
        elif self._in_entry:
            self._field = None
            if self._depth == self._kind.depth + 1:
                self._start_field(prefix, name, attributes)

    def _start_root(self, prefix: str, name: str) -> None:
        kind = _KINDS.get(name)
        if kind is None:
            raise FetchFailed(ErrorCategory.DECODE, f"the file is no sitemap: its root element is '{name[:40]}'")
        self._kind, self._prefix, self.has_root = kind, prefix, True
        self._listing.is_index = name == "sitemapindex"

    def _start_entry(self, prefix: str, name: str) -> None:
        self._in_entry = name == self._kind.entry and prefix in ("", self._prefix)
        self._places, self._instead, self._early_time = [], "", ""
        self._read("")

    def _start_field(self, prefix: str, name: str, attributes: dict[str, str]) -> None:
        is_ours = prefix in ("", self._prefix)
        if (is_ours and name in {self._kind.place, "guid"}) or name in _TIMES:
            self._read(name)
        if is_ours and name == "link" == self._kind.place and attributes.get("rel", "alternate") == "alternate":
            self._add_place(attributes.get("href", ""))

    def _read(self, field: str) -> None:
        self._field, self._text, self._length = field, [], 0

    def _data(self, text: str) -> None:
        if self._in_entry and self._field is not None and self._length < _FIELD_CHARACTERS:
            self._text.append(text)
            self._length += len(text)

    def _end(self, _tag: str) -> None:
        if self._in_entry and self._depth == self._kind.depth + 1 and self._field:
            self._end_field(self._field, "".join(self._text).strip())
        elif self._in_entry and self._depth == self._kind.depth:
            self._instead = self._instead or ("".join(self._text).strip() if self._field == "" else "")
            self._end_entry()
        self._depth -= 1
        self.is_over = self._depth == 0

    def _end_field(self, field: str, text: str) -> None:
        self._field = None
        if field in _TIMES:
            self._set_time(text)
        elif field == "guid":
            self._instead = text
        else:
            self._add_place(text)

    def _add_place(self, address: str) -> None:
        """A feed's entry has one address, its first; entries of sitemaps that were never closed run together."""
        if address and not (self._places and self._kind.place == "link"):
            self._places.append([address, ""])

    def _set_time(self, text: str) -> None:
        """A time belongs to the address before it; one that stands first, to the first address."""
        if self._places:
            self._places[-1][1] = self._places[-1][1] or text
        else:
            self._early_time = self._early_time or text

    def _end_entry(self) -> None:
        self._in_entry = False
        places = self._places or [[self._instead, ""]]
        places[0][1] = places[0][1] or self._early_time
        for address, time in places:
            self._listing.add(address, time)


def _hardened_parser(
    start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], data: Callable[[str], None]
) -> expat.XMLParserType:
    """A parser that refuses entities before they are used, and opens nothing."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.EntityDeclHandler = _refuse_entities
    parser.UnparsedEntityDeclHandler = _refuse_entities
    parser.ExternalEntityRefHandler = _refuse_entities
    return parser


def _refuse_entities(*_: object) -> int:
    raise FetchFailed(ErrorCategory.DECODE, "the sitemap declares entities: it is not read")
