"""Where an object lies: its key below `t/<tenant>/`."""

from pathlib import Path

from runnel.domain.object_keys import check_key, check_name


def object_path(root: Path, tenant: str, key: str) -> Path:
    """The file of an object; raises `InputInvalid` for a tenant or a key that cannot be one."""
    return root / "t" / check_name(tenant) / check_key(key)
