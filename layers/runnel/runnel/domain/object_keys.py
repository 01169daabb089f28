"""What the key of an object may look like, in every store, so that no key leads anywhere else.

Laws:
1. A key is ASCII: parts of letters, digits and `_.~=+@-`, joined by `/`; no part is empty or begins with a dot.
2. So no key names a parent folder, a hidden file, a drive or a temporary file; a tenant's name is one such part.
"""

import re

from runnel.errors import InputInvalid

_PART = r"[A-Za-z0-9_~=+@-][A-Za-z0-9_.~=+@-]*"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_NAME = re.compile(_PART, re.ASCII)


def check_key(key: str) -> str:
    """*key* itself; raises `InputInvalid` when it cannot be the key of an object."""
    if not _KEY.fullmatch(key):
        raise InputInvalid(f"{key!r} cannot be the key of an object.")
    return key


def check_name(name: str) -> str:
    """*name*, which is one part; raises `InputInvalid` when it cannot be one."""
    if not _NAME.fullmatch(name):
        raise InputInvalid(f"{name!r} cannot be the name of a file.")
    return name
