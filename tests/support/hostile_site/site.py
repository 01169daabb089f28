"""The hostile site as a whole: its server, its neighbours, and what a crawl of it must find."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.site.faults import Fault
from tests.site.routes import Page
from tests.site.server import SiteServer
from tests.support.hostile_site.cases import BAD, GOOD, TRAPS, Good, TrapPages
from tests.support.hostile_site.faults import Bytes
from tests.support.hostile_site.network import FORBIDDEN, ROBOTS, Neighbours, neighbours

MORTAL_PAGES = 6


@dataclass(frozen=True, slots=True)
class HostileSite:
    """The site while it listens."""

    server: SiteServer
    around: Neighbours

    @property
    def allowed(self) -> str:
        """RUNNEL_ALLOW_PRIVATE for a crawl: the site and its harmless neighbours, no canary."""
        return ",".join((self.server.address, *self.around.allowed))

    def good(self) -> Mapping[str, str]:
        """URL → words of its Markdown, of every page that must be stored."""
        good = {self.server.url(f"/docs/good/{name}"): case.words for name, case in GOOD.items()}
        for state, site in self.around.robots.items():
            for path, kinds in (("open", ROBOTS[state].opened), ("closed", ROBOTS[state].closed)):
                if kinds == {"fetched"}:
                    good[site.url(f"/docs/{path}")] = f"The {path} page"
        mortal = f"http://127.0.0.1:{self.around.mortal.port}"
        return good | {f"{mortal}/docs/{number}": f"This is /docs/{number}" for number in range(MORTAL_PAGES)}

    def bad(self) -> Mapping[str, frozenset[str]]:
        """URL → the categories (or `skipped:<reason>`) of which one must be its end."""
        bad = {self.server.url(f"/docs/bad/{name}"): frozenset(end.split()) for name, (_, end) in BAD.items()}
        for host, kinds in self._forbidden().items():
            bad[f"http://{host}/docs/linked"] = kinds
            bad[self.server.url(f"/docs/go/{host}")] = kinds
        for state, site in self.around.robots.items():
            for path, kinds in (("open", ROBOTS[state].opened), ("closed", ROBOTS[state].closed)):
                if kinds != {"fetched"}:
                    bad[site.url(f"/docs/{path}")] = frozenset(_end(kind) for kind in kinds)
        return bad

    def _forbidden(self) -> Mapping[str, frozenset[str]]:
        port = int(self.server.address.rpartition(":")[2])
        return {host.format(port=port, canary=self.around.canary_port): kinds for host, kinds in FORBIDDEN.items()}

    def prepare(self) -> None:
        """Put every page and every fault in its place, and the start page that leads to all of them."""
        for name, case in GOOD.items():
            self._place(f"/docs/good/{name}", case)
        for name, (answer, _) in BAD.items():
            if isinstance(answer, Page):
                self._add(f"/docs/bad/{name}", answer)
            else:
                self.server.fail(f"/docs/bad/{name}", answer)
        for host in self._forbidden():
            self.server.redirect(f"/docs/go/{host}", f"http://{host}/docs/redirected")
        links = [*self.good(), *self.bad(), *(self.around.traps.url(path) for path in TRAPS)]
        anchors = "\n".join(f'<a href="{link}">x</a>' for link in links)
        self.server.add("/docs/", f"<!doctype html><title>start</title><main><p>Everything.</p>{anchors}")

    def _place(self, path: str, case: Good) -> None:
        if case.page is not None:
            self._add(path, case.page)
        if case.fault is not None:
            self.server.fail(path, case.fault, times=case.times)

    def _add(self, path: str, page: Page) -> None:
        self.server.add(path, page.body, page.content_type, status=page.status, headers=page.headers)


@asynccontextmanager
async def hostile_site() -> AsyncIterator[HostileSite]:
    """The site and its neighbours, listening while the context lasts."""
    async with SiteServer(TrapPages()) as server, neighbours(int(server.address.rpartition(":")[2])) as around:
        site = HostileSite(server, around)
        site.prepare()
        yield site


def _end(kind: str) -> str:
    return "skipped:robots" if kind == "robots" else kind


__all__ = ["Bytes", "Fault", "HostileSite", "hostile_site"]
