"""What belongs to a crawl.

Laws (tests/unit/domain/test_scope.py):

* a URL is in when it lies in the site, matches no exclude pattern and, where there are include patterns, one of them;
* the start URLs are in unless excluded: an include pattern chooses pages, not where the crawl begins;
* a start URL that redirects to another directory of its site has moved, and the crawl with it, unless it leads to a
  directory above its own;
* http and https on their usual ports are one site, and so are a registered domain and its `www.`; any other port is a
  site of its own;
* whoever asks gets the rule that decided, in words that a user typed or can look up.

The site is by default the start URL's directory on its host: `https://h/docs/intro` gives `/docs/`, and so does
`https://h/docs/`, but `https://h/docs` gives `/`, as a browser would resolve a link there.

Limits: there is no public suffix list here. For the scope `domain` the registrable domain is the last two labels, or
three below a well-known shared suffix (`SHARED_SUFFIXES`, and `co.uk`-like ones).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from runnel.domain.globs import Matcher, compile_glob
from runnel.domain.payloads import ScopeRules
from runnel.domain.verdicts import SkipReason

ScopeKind = Literal["subpages", "hostname", "domain"]

#: Suffixes under which everybody may have a site: neighbours there are strangers.
SHARED_SUFFIXES: Final = frozenset(
    {
        "appspot.com",
        "azurewebsites.net",
        "bitbucket.io",
        "blogspot.com",
        "cloudfront.net",
        "fly.dev",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "netlify.app",
        "onrender.com",
        "pages.dev",
        "readthedocs.io",
        "readthedocs-hosted.com",
        "rtfd.io",
        "surge.sh",
        "vercel.app",
        "web.app",
        "workers.dev",
    }
)
#: Second-level names of countries: `co.uk`, `com.au`, ….
_COUNTRY_SECOND_LEVELS: Final = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org"}
)
#: Where sites ask who somebody is.
_LOGIN: Final = re.compile(r"/(log[-_]?in|sign[-_]?in|sso|saml)(?=[/.]|$)", re.IGNORECASE)
_OTHER_SCHEME: Final = {"http": "https", "https": "http"}


class Ruling(NamedTuple):
    """Why a URL is not in scope, and the rule that says so."""

    reason: SkipReason
    rule: str


class _Pattern(NamedTuple):
    """A glob, and whether it is meant for the whole URL."""

    glob: str
    is_for_url: bool
    matches: Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What belongs to a crawl: start URLs (canonical), kind, patterns, further hosts."""

    starts: tuple[str, ...]
    kind: ScopeKind = "subpages"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow_domains: tuple[str, ...] = ()
    #: What `judge` needs, prepared once.
    _prefixes: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _domains: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _outside: Ruling = field(init=False, repr=False, compare=False)
    _includes: tuple[_Pattern, ...] = field(init=False, repr=False, compare=False)
    _excludes: tuple[_Pattern, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare the prefixes and patterns."""
        allowed = tuple(domain.lower().strip(".") for domain in self.allow_domains)
        domains = tuple(registrable_domain(_hostname(url)) for url in self.starts) if self.kind == "domain" else ()
        prefixes = () if self.kind == "domain" else _unique(p for url in self.starts for p in _prefixes(url, self.kind))
        where = tuple(url.partition("://")[2] for url in prefixes[:1]) + _unique(domains + allowed)
        object.__setattr__(self, "_prefixes", prefixes)
        object.__setattr__(self, "_domains", _unique(domains + allowed))
        object.__setattr__(self, "_outside", Ruling(SkipReason.OUT_OF_SCOPE, _listed(f"scope {self.kind}", where)))
        object.__setattr__(self, "_includes", tuple(map(_pattern, self.include)))
        object.__setattr__(self, "_excludes", tuple(map(_pattern, self.exclude)))

    @classmethod
    def of(cls, rules: ScopeRules) -> "Scope":
        """Read the rules of a payload."""
        return cls(
            starts=rules.start_urls,
            kind=rules.scope,
            include=rules.include,
            exclude=rules.exclude,
            allow_domains=rules.allow_domains,
        )

    def judge(self, url: str) -> Ruling | None:
        """Tell why the canonical *url* is not in scope; None when it is."""
        if not (url.startswith(self._prefixes) or self._is_in_domains(url) or url in self.starts):
            return self._outside
        if not self._includes and not self._excludes:
            return None
        path = _path(url)
        for pattern in self._excludes:
            if pattern.matches(url if pattern.is_for_url else path):
                return Ruling(SkipReason.EXCLUDED, f"exclude {pattern.glob}")
        if not self._includes or url in self.starts:
            return None
        if any(pattern.matches(url if pattern.is_for_url else path) for pattern in self._includes):
            return None
        return Ruling(SkipReason.NOT_INCLUDED, _listed("include", self.include))

    def _is_in_domains(self, url: str) -> bool:
        """Tell whether the host is one of the further domains, or below one."""
        if not self._domains:
            return False
        host = _hostname(url)
        return any(host == domain or host.endswith("." + domain) for domain in self._domains)


class Territories:
    """Which source a URL belongs to, however it was found: the one whose directory holds it most closely."""

    def __init__(self, starts: Iterable[tuple[str, str]]) -> None:
        """Take (source id, canonical start URL) pairs; of equal directories the first source has it."""
        self._owners: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        for source_id, url in starts:
            for prefix in _prefixes(url, "subpages"):
                place = prefix.partition("://")[2]
                self._owners.setdefault(place, source_id)
                self._hosts.setdefault(place.partition("/")[0], source_id)

    def owner(self, url: str) -> str | None:
        """Tell the source of a canonical URL; None when it is on no source's host."""
        place = url.partition("://")[2].partition("?")[0]
        cut = place.rfind("/") + 1
        while cut > 0:
            source_id = self._owners.get(place[:cut])
            if source_id is not None:
                return source_id
            cut = place.rfind("/", 0, cut - 1) + 1
        return self._hosts.get(place.partition("/")[0])


def is_one_site(start: str, url: str) -> bool:
    """Tell whether *url* lies on the host of a start URL, or on its twin."""
    return url.startswith(tuple(_prefixes(start, "hostname")))


def has_moved(start: str, arrived: str) -> bool:
    """Tell whether a start URL that led to *arrived* has only another place on its site: a language, a version.

    Not when that is above its directory: there is more than was asked for, and often it is where a site leads to
    whatever it does not have. Nor when it looks like a login.
    """
    if not is_one_site(start, arrived):
        return False
    above = _path(arrived).rpartition("/")[0] + "/"
    return not _path(start).startswith(above) and not _LOGIN.search(_path(arrived))


def can_match(glob: str) -> bool:
    """Whether a pattern may match anything: a path begins with a slash, over which only `**` goes."""
    if "://" in glob:
        return True
    begins_elsewhere = glob[:1].isalnum() or glob[:1] in {".", "-", "_", "~", "%"}
    return not begins_elsewhere and ("/" in glob or "**" in glob)


def registrable_domain(host: str) -> str:
    """Give the domain that its owner registered, of a host name; an address is its own."""
    labels = host.rstrip(".").split(".")
    if host.startswith("[") or labels[-1].isdecimal() or len(labels) <= 2:
        return host.rstrip(".")
    is_country = len(labels[-1]) == 2 and labels[-2] in _COUNTRY_SECOND_LEVELS
    is_shared = is_country or ".".join(labels[-2:]) in SHARED_SUFFIXES
    return ".".join(labels[-3:] if is_shared else labels[-2:])


def _prefixes(url: str, kind: ScopeKind) -> list[str]:
    """Give what the URLs of the start URL's site begin with: in both schemes and with `www.` when the port is usual."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    path = (_path(url).rpartition("/")[0] if kind == "subpages" else "") + "/"
    if host.rpartition(":")[2].isdecimal() and not host.endswith("]"):
        return [f"{scheme}://{host}{path}"]
    return [f"{one}://{name}{path}" for name in _twins(host) for one in (scheme, _OTHER_SCHEME[scheme])]


def _twins(host: str) -> tuple[str, ...]:
    """Give the names under which most servers answer the same: a registered domain, and `www.` before it."""
    bare = host.removeprefix("www.")
    is_name = "." in bare and not bare.endswith("]") and not bare.rpartition(".")[2].isdecimal()
    if not is_name or registrable_domain(bare) != bare:
        return (host,)
    return (host, bare if bare != host else f"www.{host}")


def _hostname(url: str) -> str:
    """Give the host of a canonical URL without its port."""
    host = url.split("/", 3)[2]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and not host.endswith("]") else host


def _path(url: str) -> str:
    """Give the path of a canonical URL, without the query."""
    return "/" + url.split("/", 3)[3].partition("?")[0]


def _pattern(glob: str) -> _Pattern:
    """Read a glob: one with `://` is for the whole URL."""
    return _Pattern(glob, "://" in glob, compile_glob(glob))


def _listed(name: str, values: Iterable[str]) -> str:
    """Write `name a, b`, cut to what an event can hold."""
    return f"{name} {', '.join(values)}"[:200].rstrip(", ")


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """Keep each value once, in order."""
    return tuple(dict.fromkeys(values))
