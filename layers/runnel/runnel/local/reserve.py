"""A little room kept for the moment when the disk is full: enough to put a job to rest properly."""

from contextlib import suppress
from pathlib import Path
from typing import Final

#: Several transactions of the driver's last steps.
RESERVE_BYTES: Final = 1 << 20


class Reserve:
    """A file of zeros below RUNNEL_HOME."""

    def __init__(self, home: Path) -> None:
        """Take the file's place."""
        self._path = home / "reserve"

    def keep(self) -> None:
        """Hold the room, if there is any: commands that write nothing work on a full disk too."""
        with suppress(OSError):
            if not self._path.exists() or self._path.stat().st_size < RESERVE_BYTES:
                self._path.write_bytes(bytes(RESERVE_BYTES))

    def free(self) -> None:
        """Give the room away."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
