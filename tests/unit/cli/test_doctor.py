"""What the doctor finds."""

from pathlib import Path

from runnel.cli.doctor import file_system_of, local_findings
from runnel.settings import Settings

MOUNTS = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:42 / /mnt rw shared:2 - nfs4 server:/export rw
31 30 8:2 / /mnt/my\040disk rw - xfs /dev/sdb1 rw
broken line
"""


def test_the_nearest_mount_decides() -> None:
    """A local disk may be mounted below a network share, and a name may hold a space."""
    assert file_system_of(Path("/home/me"), MOUNTS) == "ext4"
    assert file_system_of(Path("/mnt/share/x"), MOUNTS) == "nfs4"
    assert file_system_of(Path("/mnt/my disk/x"), MOUNTS) == "xfs"
    assert file_system_of(Path("/mnt2"), MOUNTS) == "ext4"
    assert file_system_of(Path("/home"), "") is None


def test_a_good_home_passes_and_is_left_as_it_was(tmp_path: Path) -> None:
    """Every check is made, and none leaves a file."""
    findings = {one.check: one for one in local_findings(Settings(home=tmp_path / "home"))}

    assert findings["RUNNEL_HOME"].ok
    assert findings["write-ahead log"].ok
    assert findings["private addresses"].finding == "none may be crawled"
    assert list((tmp_path / "home").iterdir()) == []


def test_a_home_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    """With what to do about it, and without checks that would fail for the same reason."""
    (tmp_path / "file").write_text("")
    findings = {one.check: one for one in local_findings(Settings(home=tmp_path / "file" / "home"))}

    assert not findings["RUNNEL_HOME"].ok
    assert findings["RUNNEL_HOME"].advice
    assert "write-ahead log" not in findings
