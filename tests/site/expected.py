"""
What a complete crawl of the sample site from `/docs/` must find: the oracle of the end-to-end tests.

* default options: scope `subpages`, robots obeyed, sitemap included, no limit;
* paths are as the server gets them (percent-encoded, with the query when it matters, without tracking parameters);
* the sets do not overlap, and tests/integration/test_site_server.py holds them against a crawl of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Where the crawl starts; everything below it is in scope.
START = "/docs/"

_ALONE = """
    start/ start/wiring.html start/first-bed.html start/concepts.html
    guide/light.html guide/heating.html guide/vents.html guide/alerts.html guide/schedules.html
    guide/seasons/ guide/seasons/spring.html guide/seasons/summer.html guide/seasons/autumn.html
    guide/seasons/winter.html guide/seasons/winter/frost/night-watch.html
    tutorials/ tutorials/seedling-tray.html tutorials/two-zones.html tutorials/rain-barrel.html
    tutorials/data-export.html tutorials/custom-sensor.html
    reference/ reference/cli.html reference/config.html reference/rules.html reference/errors.html
    reference/units.html reference/glossary.html
    reference/api/ reference/api/python.html reference/api/rust.html reference/api/javascript.html
    reference/api/go.html reference/api/http.html
    faq.html changelog.html changelog.html?page=2 reports/yearly.html archive/field-notes.html
    intl/francais.html intl/nihongo.html intl/gew%C3%A4chshaus.html
"""

#: Pages with one address: each is requested once and ends as `fetched`.
FETCHED = frozenset(f"/docs/{path}" for path in _ALONE.split())

#: Addresses of one page, redirects among them: of each group one ends as `fetched`, the others as `duplicate`.
SAME_PAGE: tuple[frozenset[str], ...] = (
    frozenset({"/docs/", "/docs/index.html"}),
    frozenset({"/docs/start/install.html", "/docs/old/install.html", "/docs/old/older.html"}),
    frozenset({"/docs/guide/watering.html", "/docs/guide/irrigation.html"}),
    frozenset({"/docs/guide/", "/docs/guide"}),
)

#: Redirect → the address where it ends. The members of SAME_PAGE that answer 200 themselves are not here.
REDIRECTS: Mapping[str, str] = MappingProxyType(
    {
        "/docs/old/install.html": "/docs/start/install.html",
        "/docs/old/older.html": "/docs/start/install.html",
        "/docs/guide": "/docs/guide/",
    }
)

#: Path → error category of its `failed` verdict. `http_4xx` is a 404.
FAILED: Mapping[str, str] = MappingProxyType(
    {
        "/docs/gone.html": "http_4xx",
        "/docs/loop/a.html": "too_many_redirects",
        "/docs/community.html": "redirect_out_of_scope",
        "/docs/files/firmware": "unsupported_type",
    }
)

#: Skipped because robots.txt says so: never requested.
ROBOTS = frozenset({"/docs/private/keys.html", "/docs/search?q=valve"})

#: Skipped as assets by their ending: never requested.
ASSETS = frozenset({"/docs/files/wiring-diagram.pdf"})

#: Linked, but outside the scope: never requested, also not as the target of a redirect.
OUT_OF_SCOPE = frozenset({"/", "/blog/", "/blog/big-harvest.html"})

#: Out of scope on another host; the name never resolves.
OTHER_HOSTS = frozenset({"https://forum.fernwick.example/"})

#: Found through the sitemap alone: missing when the sitemap is skipped.
SITEMAP_ONLY = frozenset({"/docs/archive/field-notes.html"})

#: A page to slow down: nothing else depends on it, for it links only to the main sections.
SLOW = "/docs/reports/yearly.html"

#: Links that are other spellings of a page above: never requested as written.
TRACKED = frozenset(
    {
        "/docs/start/install.html?utm_source=newsletter&utm_medium=email",
        "/docs/start/install.html?utm_campaign=faq",
    }
)

#: Words that stand on the page only if its charset was understood; from its header, its `meta`, its header.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "/docs/intl/francais.html": "La serre s\u2019ouvre à l\u2019aube, l\u2019arrosage s\u2019arrête",
        "/docs/intl/nihongo.html": "温室の窓は朝に開き、土が湿ると水やりは止まります。",
        "/docs/intl/gew%C3%A4chshaus.html": "Größere Häuser brauchen mehr Fühler.",
    }
)

#: Page → languages of its code blocks in order, however the page's highlighter spells them.
CODE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "/docs/tutorials/two-zones.html": ("python", "javascript"),
        "/docs/tutorials/custom-sensor.html": ("c", "python"),
        "/docs/reference/api/rust.html": ("rust",),
        "/docs/reference/api/go.html": ("go",),
        "/docs/guide/light.html": ("toml", "toml"),
        "/docs/guide/alerts.html": ("json",),
    }
)

#: How many pages a complete crawl stores: one for each address of its own and one for each group.
PAGES = len(FETCHED) + len(SAME_PAGE)

#: How many verdicts of a kind it ends with.
FETCHED_COUNT = PAGES
DUPLICATE_COUNT = sum(len(group) - 1 for group in SAME_PAGE)
FAILED_COUNT = len(FAILED)
SKIPPED_COUNT = len(ROBOTS) + len(ASSETS) + len(OUT_OF_SCOPE) + len(OTHER_HOSTS)
SEEN_COUNT = FETCHED_COUNT + DUPLICATE_COUNT + FAILED_COUNT + SKIPPED_COUNT


def is_one_of_a_group(path: str) -> bool:
    """Say whether a path shares its page with others."""
    return any(path in group for group in SAME_PAGE)
