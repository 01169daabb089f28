"""`runnel doctor`: what is wrong with this set-up, one line for each thing looked at."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from runnel import __version__
from runnel.cli.backend import open_backend
from runnel.cli.display import size
from runnel.cli.exit_codes import ExitCode
from runnel.cli.jobs import show_rows
from runnel.cli.options import Call, example, run, shared
from runnel.errors import ConfigInvalid, RunnelError
from runnel.settings import Settings, ensure_home

_LEAST_FREE_BYTES: Final = 500_000_000
#: The first SQLite with what our schema uses (UPSERT, RETURNING, STRICT).
_LEAST_SQLITE: Final = (3, 37, 0)
#: File systems whose locks and shared memory SQLite's WAL cannot trust.
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "ncpfs", "9p", "afs", "ceph",
     "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.glusterfs", "lustre", "glusterfs", "beegfs"}
)  # fmt: skip
_MOUNTS: Final = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    ok: bool
    check: str
    finding: str
    advice: str | None = None


@click.command(epilog=example("runnel doctor"))
@shared
def doctor(call: Call, /) -> int:
    """Look for what is wrong with this set-up; with --remote, whether the server answers."""
    settings = call.settings()
    findings = list(run(_remote(settings)) if settings.remote else local_findings(settings))
    show_rows(call, [asdict(one) for one in findings], ("ok", "check", "finding", "advice"), "findings")
    if all(one.ok for one in findings):
        return ExitCode.DONE
    return ExitCode.REMOTE if settings.remote else ExitCode.CONFIGURATION


def local_findings(settings: Settings) -> Iterator[Finding]:
    """Everything that a crawl on this machine stands on."""
    yield _python()
    yield _sqlite()
    home = _home(settings.home)
    yield home
    if home.ok:
        yield _file_system(settings.home)
        yield _wal(settings.home)
        yield _disk(settings.home)
    allowed = ", ".join(f"{host}:{port}" for host, port in sorted(settings.allow_private))
    yield Finding(ok=True, check="private addresses", finding=allowed or "none may be crawled")


def _python() -> Finding:
    return Finding(
        ok=sys.version_info >= (3, 11),
        check="python",
        finding=f"{platform.python_version()}, runnel {__version__}",
        advice=None if sys.version_info >= (3, 11) else "Install Python 3.11 or later.",
    )


def _sqlite() -> Finding:
    good = sqlite3.sqlite_version_info >= _LEAST_SQLITE
    advice = None if good else f"A Python with SQLite {'.'.join(map(str, _LEAST_SQLITE))} or later is needed."
    return Finding(ok=good, check="sqlite", finding=sqlite3.sqlite_version, advice=advice)


def _home(home: Path) -> Finding:
    try:
        ensure_home(home)
    except ConfigInvalid as error:
        return Finding(ok=False, check="RUNNEL_HOME", finding=error.message, advice="Set RUNNEL_HOME.")
    return Finding(ok=True, check="RUNNEL_HOME", finding=f"{home} can be written")


def _file_system(home: Path) -> Finding:
    kind = file_system_of(home, _MOUNTS.read_text(errors="replace") if _MOUNTS.exists() else "")
    if kind in _NETWORK:
        advice = "Set RUNNEL_HOME to a folder on a local disk."
        return Finding(ok=False, check="file system", finding=f"{kind} is a network file system", advice=advice)
    return Finding(ok=True, check="file system", finding=kind or "not known on this platform")


def file_system_of(path: Path, mounts: str) -> str | None:
    """The type of the file system that holds *path*, by the text of Linux's mountinfo; None when it does not say."""
    best, kind = -1, None
    resolved = path.resolve()
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        mount = Path(fields[4].encode().decode("unicode_escape"))  # a space stands there as \040
        if resolved.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), after.split()[0]
    return kind


def _wal(home: Path) -> Finding:
    """Whether this place carries a WAL database: tried, not guessed."""
    probe = home / f".doctor-{os.getpid()}.db"
    try:
        connection = sqlite3.connect(probe)
        try:
            mode = str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
            connection.execute("CREATE TABLE probe (x)")
            connection.commit()
        finally:
            connection.close()
    except sqlite3.Error as error:
        mode = str(error)
    finally:
        for suffix in ("", "-wal", "-shm"):
            probe.with_name(probe.name + suffix).unlink(missing_ok=True)
    advice = None if mode == "wal" else "Set RUNNEL_HOME to a folder on a local disk."
    return Finding(ok=mode == "wal", check="write-ahead log", finding=mode, advice=advice)


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    good = free >= _LEAST_FREE_BYTES
    advice = None if good else "Make room: a crawl keeps raw responses and pages."
    return Finding(ok=good, check="free disk", finding=size(free), advice=advice)


async def _remote(settings: Settings) -> list[Finding]:
    """What the server says of itself, and whether it knows our token."""
    findings = []
    async with open_backend(settings) as backend:
        try:
            health = await backend.health()
            stores = health["stores"]["state"]
            text = f"{settings.remote} answers: version {health['version']}, stores {stores}"
            findings.append(Finding(ok=stores == "ok", check="server", finding=text))
            async for _ in backend.list_jobs(None, None, 1):
                break
            findings.append(Finding(ok=True, check="access", finding="jobs can be listed"))
        except RunnelError as error:
            check = "access" if findings else "server"
            advice = "Set RUNNEL_TOKEN." if error.code == "unauthorized" else "Check the URL, and the network."
            findings.append(Finding(ok=False, check=check, finding=error.message, advice=advice))
    return findings
