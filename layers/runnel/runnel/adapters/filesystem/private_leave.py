"""What jobs were begun with leave to ask, as files of a folder: `RUNNEL_HOME/private/<job>`, a `host:port` a line."""

from collections.abc import Callable, Collection
from pathlib import Path

from runnel.adapters.filesystem.failures import translated
from runnel.domain.object_keys import check_name


class FolderPrivateLeave:
    """`PrivateLeave` of a machine: each of its processes may have been given other addresses."""

    def __init__(self, folder: Path, allowed: frozenset[tuple[str, int]]) -> None:
        """Keep notes in *folder*; this process was *allowed* these (host, port) pairs."""
        self._folder = folder
        self._allowed = allowed
        #: Hears what `tell` is told.
        self.say: Callable[[str, str], None] = lambda _job_id, _sentence: None

    def note(self, job_id: str, hosts: Collection[tuple[str, int]]) -> None:
        needed, noted = self._allowed.intersection(hosts), self._noted(job_id)
        if not needed <= noted:
            with translated(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
                text = "".join(f"{host}:{port}\n" for host, port in sorted(needed | noted))
                self._path(job_id).write_text(text, encoding="utf-8")

    def lacking(self, job_id: str) -> tuple[str, ...]:
        return tuple(map(_written, sorted(self._noted(job_id) - self._allowed)))

    def forget(self, job_id: str) -> None:
        with translated(self._folder):
            self._path(job_id).unlink(missing_ok=True)

    def tell(self, job_id: str, sentence: str) -> None:
        self.say(job_id, sentence)

    def _noted(self, job_id: str) -> frozenset[tuple[str, int]]:
        try:
            lines = self._path(job_id).read_text(encoding="utf-8").split()
        except OSError:
            return frozenset()
        pairs = (line.rpartition(":") for line in lines)
        return frozenset((host, int(port)) for host, _, port in pairs if port.isdecimal())

    def _path(self, job_id: str) -> Path:
        return self._folder / check_name(job_id)


def _written(pair: tuple[str, int]) -> str:
    """Write a pair as a user gives it."""
    host, port = pair
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
