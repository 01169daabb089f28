"""One spelling for each URL: what two links must share to be the same page.

Laws (tests/unit/fetching/test_canonical*.py):

* the result is an absolute http or https URL by the WHATWG rules, ASCII, without fragment, user-info or default port;
* `canonicalize(canonicalize(u)) == canonicalize(u)`, and the host never changes;
* the order of the query stays; only parameters that track a reader are dropped, and a query that is left empty.

Deviations from WHATWG: user-info is refused (a crawler must not send somebody's password), a bare `?` is dropped, URLs
over 2,048 characters are refused, and lone surrogates are read as U+FFFD, as a browser's string conversion does.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import can_ada

#: Longest URL that is crawled, in characters.
MAX_URL_LENGTH: Final = 2048

#: Every parameter with one of these beginnings tracks the reader.
TRACKING_PREFIXES: Final = ("utm_",)

#: Parameters that track the reader and never choose the page.
TRACKING_PARAMETERS: Final = frozenset(
    {
        "__hsfp",
        "__hssc",
        "__hstc",
        "_ga",
        "_gl",
        "_hsenc",
        "_hsmi",
        "dclid",
        "fbclid",
        "gbraid",
        "gclid",
        "gclsrc",
        "hsctatracking",
        "igshid",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "msclkid",
        "oly_anon_id",
        "oly_enc_id",
        "ttclid",
        "twclid",
        "vero_id",
        "wbraid",
        "yclid",
    }
)

_SCHEMES: Final = ("http://", "https://")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def canonicalize(url: str, *, base: str | None = None) -> str | None:
    """Give the canonical form of *url*, read relative to *base*; None when it is no URL that can be crawled."""
    parsed = _parse(url, base)
    if parsed is None or parsed.has_credentials():
        return None
    href = parsed.href
    if not href.startswith(_SCHEMES):
        return None
    href = href.partition("#")[0]
    if "?" in href:
        href = _without_tracking(href)
    return href if len(href) <= MAX_URL_LENGTH else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The one spelling of a job: canonical, and without what does not matter on its sites."""

    #: Query parameters that do not matter there, and then their order does not either; `name*` is a beginning, `*` all.
    ignored: tuple[str, ...] = ()
    #: Further parameters that track the reader, in lower case.
    tracking: frozenset[str] = frozenset()

    def of(self, url: str, *, base: str | None = None) -> str | None:
        """Spell *url*, read relative to *base*; None when it is no URL that can be crawled."""
        href = canonicalize(url, base=base)
        if href is None or "?" not in href or not (self.ignored or self.tracking):
            return href
        path, _, query = href.partition("?")
        kept = [part for part in query.split("&") if not self._is_dropped(part.partition("=")[0])]
        if self.ignored:
            kept.sort(key=lambda part: part.partition("=")[0])  # stable: equal names keep their order, which may matter
        return f"{path}?{'&'.join(kept)}" if kept else path

    def _is_dropped(self, name: str) -> bool:
        if name.lower() in self.tracking:
            return True
        return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in self.ignored)


def url_hash(url: str) -> str:
    """Name a canonical URL in 32 hexadecimal digits (128 bits)."""
    return blake2b(url.encode(), digest_size=16).hexdigest()


def host_key(url: str) -> str:
    """Give `host:port` of a canonical URL, the port always written; an IPv6 address keeps its brackets."""
    end = url.find("/", len("https://"))
    return _host_key(url if end < 0 else url[:end])


def may_share_secrets(target: str, url: str) -> bool:
    """Tell whether what was meant for *target* may be sent to *url*: the same host and port, not from https to http."""
    if target.startswith("https://") and not url.startswith("https://"):
        return False
    return host_key(url) in {host_key(target), host_key(target.replace("http://", "https://", 1))}


@lru_cache(maxsize=1024)  # a crawl has a handful of hosts, and asks ten times a page
def _host_key(origin: str) -> str:
    scheme, _, host = origin.partition("://")
    has_port = host.rpartition(":")[2].isdecimal() and not host.endswith("]")
    return host if has_port else f"{host}:{_DEFAULT_PORTS[scheme]}"


def _parse(url: str, base: str | None) -> can_ada.URL | None:
    """Parse by the WHATWG rules; None when they say failure."""
    try:
        return can_ada.parse(url) if base is None else _parsed_base(base) + url
    except ValueError:
        return None
    except TypeError:  # the binding cannot take a lone surrogate
        clean = _LONE_SURROGATE.sub("\ufffd", url)
        return None if clean == url else _parse(clean, base)


@lru_cache(maxsize=64)
def _parsed_base(base: str) -> can_ada.URL:
    """Keep the parsed base: the links of a page share it, and joining does not change it."""
    return can_ada.parse(base)


def _without_tracking(href: str) -> str:
    """Drop the tracking parameters, and the question mark when nothing is left behind it."""
    path, _, query = href.partition("?")
    kept = "&".join(part for part in query.split("&") if not _is_tracking(part))
    return f"{path}?{kept}" if kept else path


def _is_tracking(parameter: str) -> bool:
    """Tell whether one `name=value` of a query only tracks the reader."""
    name = parameter.partition("=")[0].lower()
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)
