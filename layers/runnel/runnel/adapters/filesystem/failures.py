"""What the file system may refuse, said in our errors.

* A folder that may not be written is `ConfigInvalid`: only a person can change that.
* A full disk is `DiskFull`, everything else `StoreUnavailable`: both may pass.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from runnel.errors import ConfigInvalid, DiskFull, RunnelError, StoreUnavailable

_FOR_A_PERSON = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def translated(what: object) -> Iterator[None]:
    """Raise an `OSError` from inside as one of our errors; *what* is named in it."""
    try:
        yield
    except OSError as exc:
        raise _kind_of(exc)(f"{what}: {exc.strerror}.") from exc


def _kind_of(exc: OSError) -> type[RunnelError]:
    if exc.errno in _FOR_A_PERSON:
        return ConfigInvalid
    return DiskFull if exc.errno in _NO_ROOM else StoreUnavailable
