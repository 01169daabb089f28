"""Serve the sample site on loopback, crawl it, and show where the Markdown lies: `make crawl`.

* Everything lies in one folder, state included, and is made anew at each run: nothing else on the machine is touched.
* Exactly the sample site's own address is allowed besides public ones.
* Ctrl-C goes to the crawl, which stops cleanly; the site is stopped in any case.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
#: The site has pages that are missing on purpose, so "done, but pages failed" is the good end.
GOOD_EXITS = {0: "", 3: " (the pages that failed are missing on purpose)"}


@contextmanager
def sample_site() -> Iterator[str]:
    """The start URL of the sample site, which runs in a process of its own, out of reach of the terminal's Ctrl-C."""
    command = [sys.executable, "-m", "tests.site.server", "--port", "0"]
    site = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert site.stdout is not None  # noqa: S101 - PIPE was asked for
        url = site.stdout.readline().strip()
        if not url:
            raise SystemExit("the sample site did not start")
        yield url
    finally:
        site.terminate()
        site.wait()


def crawl(url: str, folder: Path, options: list[str]) -> int:
    """Run `runnel crawl` on *url* into *folder*; its exit code."""
    environment = os.environ | {"RUNNEL_HOME": str(folder / "home"), "RUNNEL_ALLOW_PRIVATE": urlsplit(url).netloc}
    runnel = Path(sys.executable).with_name("runnel")
    command = [str(runnel), "crawl", url, "--library", "sample", "--output", str(folder / "markdown"), *options]
    print(f"RUNNEL_ALLOW_PRIVATE={urlsplit(url).netloc} runnel crawl {url}", file=sys.stderr)
    # The crawl has the terminal and hears Ctrl-C itself; this process waits for what it makes of it, and hands SIGTERM
    # on. A handler, unlike SIG_IGN, is not inherited.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())
    return process.wait()


def report(folder: Path, code: int) -> str:
    """Say what came of it."""
    pages = sorted((folder / "markdown").rglob("*.md"))
    if code == 130:
        return f"Stopped. {len(pages)} pages are in {folder / 'markdown'}; `make crawl` begins anew."
    if code not in GOOD_EXITS or not pages:
        return f"The crawl ended with code {code}."
    return (
        f"\n{len(pages)} pages of Markdown are in {folder / 'markdown'}{GOOD_EXITS[code]}, for instance:\n{pages[0]}\n"
        f"To look into the job, set RUNNEL_HOME={shlex.quote(str(folder / 'home'))}"
    )


def main(output: str, *options: str) -> int:
    """Crawl the sample site into *output*/sample."""
    folder = Path(output).resolve() / "sample"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with sample_site() as url:
        code = crawl(url, folder, list(options))
    print(report(folder, code), file=sys.stderr)
    return 0 if code in GOOD_EXITS else code


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:  # before the crawl began
        sys.exit(130)
