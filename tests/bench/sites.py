"""
The sites of the bench: two real ones from Debian packages, one generated.

* they are served by nginx on loopback, one worker, no logs, from where the packages put them;
* what can be reached is counted here from the files alone, by code that shares nothing with any crawler of the bench.

Alone: `python -m tests.bench.sites` prints how many pages each site has.
"""

from __future__ import annotations

import contextlib
import gzip
import html
import os
import posixpath
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import urlopen

from tests.site.generated import write_pages

#: Debian package → what shows that it is installed.
PACKAGES = {
    "python3.11-doc": Path("/usr/share/doc/python3.11/html/index.html"),
    "postgresql-doc-15": Path("/usr/share/doc/postgresql-doc-15/html/index.html"),
    "nginx-light": Path("/usr/sbin/nginx"),
}

GENERATED_PAGES = 10_000

#: The value of href in the start tag of a link.
_HREF = re.compile(r"<a\s[^>]*?href\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site: the files below *folder* are served below `/<name>/`."""

    name: str
    folder: Path
    start: str  # path of the page where a crawl starts

    @property
    def root(self) -> str:
        """The path below which everything is in scope."""
        return posixpath.dirname(self.start) + "/"


class MissingPackage(RuntimeError):
    """A package is missing and may not be installed here."""


def install_packages() -> None:
    """Install what is missing, as root and where apt is; raises MissingPackage elsewhere, naming it."""
    missing = [name for name, file in PACKAGES.items() if not file.exists()]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise MissingPackage(f"install {' '.join(missing)} first (Debian packages), or run the bench as root")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-qq"], check=True, env=environment)
    subprocess.run([apt, "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, env=environment)


def make_sites(folder: Path, *, generated: int = GENERATED_PAGES) -> dict[str, Site]:
    """Return the sites by name; the generated one is written below *folder*."""
    write_pages(folder / "generated", generated)
    return {
        "python": Site(name="python", folder=PACKAGES["python3.11-doc"].parent.resolve(), start="/python/index.html"),
        "postgres": Site(
            name="postgres", folder=PACKAGES["postgresql-doc-15"].parent.resolve(), start="/postgres/index.html"
        ),
        # Its links are absolute paths below /docs/.
        "generated": Site(name="docs", folder=folder / "generated" / "docs", start="/docs/"),
    }


def reachable(site: Site) -> set[str]:
    """Return the paths of all HTML pages that links lead to from the start page, without leaving the scope."""
    found: set[str] = set()
    todo = {site.start}
    while todo:
        path = todo.pop()
        file = _file(site, path)
        if path in found or file is None:
            continue
        found.add(path)
        hrefs = {html.unescape(href).partition("#")[0] for href in _HREF.findall(_text(file))}
        links = {urljoin(f"http://site{path}", href) for href in hrefs if href}
        todo |= {urlsplit(link).path for link in links if link.startswith(f"http://site{site.root}")} - found
    return found


def _file(site: Site, path: str) -> Path | None:
    relative = unquote(path.removeprefix(f"/{site.name}/"))
    file = site.folder / (f"{relative}index.html" if path.endswith("/") else relative)
    packed = file.with_name(f"{file.name}.gz")
    candidates = (file, packed) if file.suffix == ".html" else ()
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _text(file: Path) -> str:
    data = file.read_bytes()
    return (gzip.decompress(data) if file.suffix == ".gz" else data).decode(errors="replace")


@contextlib.contextmanager
def serve(sites: dict[str, Site]) -> Iterator[str]:
    """Serve the sites with nginx; yield `http://127.0.0.1:port`."""
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as name:
        port = _free_port()
        config = Path(name) / "nginx.conf"
        config.write_text(_config(Path(name), port, sites), encoding="utf-8")
        command = [str(PACKAGES["nginx-light"]), "-c", str(config), "-p", name]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_for(base + next(iter(sites.values())).start, process)
            yield base
        finally:
            process.terminate()
            process.wait()


def _config(folder: Path, port: int, sites: dict[str, Site]) -> str:
    locations = "\n".join(f"    location /{site.name}/ {{ alias {site.folder}/; }}" for site in sites.values())
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log /dev/null;
events {{ worker_connections 512; }}
http {{
{temporary}
  types {{ text/html html; text/css css; image/svg+xml svg; image/png png; text/plain txt py; }}
  default_type application/octet-stream;
  access_log off;
  # Debian packs the largest page of the Python documentation; it is served like any other.
  gzip_static on;
  sendfile on;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port};
{locations}
  }}
}}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), urlopen(url):  # noqa: S310 - our own loopback address
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"nginx does not serve {url}")


def main() -> None:
    """Print how many pages each site has."""
    install_packages()
    with tempfile.TemporaryDirectory(prefix="bench-sites-") as name:
        for key, site in make_sites(Path(name)).items():
            print(f"{key}: {len(reachable(site))} pages")


if __name__ == "__main__":
    main()
