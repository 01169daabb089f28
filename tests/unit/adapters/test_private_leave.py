"""Notes of what jobs were begun with leave to ask."""

from pathlib import Path

from runnel.adapters.filesystem.private_leave import FolderPrivateLeave

HOSTS = {("127.0.0.1", 8000), ("::1", 8001), ("docs.example.com", 443)}


def _leave(folder: Path, *allowed: tuple[str, int]) -> FolderPrivateLeave:
    return FolderPrivateLeave(folder / "private", frozenset(allowed))


def test_what_a_driver_had_leave_for_is_lacking_to_others_until_the_job_has_ended(tmp_path: Path) -> None:
    """Also when that driver is dead; what the job does not ask is nobody's need."""
    mine = _leave(tmp_path, ("127.0.0.1", 8000), ("::1", 8001), ("10.0.0.1", 80))
    mine.note("job", HOSTS)
    mine.note("job", HOSTS)

    assert mine.lacking("job") == ()
    assert _leave(tmp_path).lacking("job") == ("127.0.0.1:8000", "[::1]:8001")
    assert _leave(tmp_path, ("::1", 8001)).lacking("job") == ("127.0.0.1:8000",)
    assert _leave(tmp_path).lacking("other") == ()
    mine.forget("job")
    mine.forget("job")
    assert _leave(tmp_path).lacking("job") == ()


def test_a_driver_without_leave_notes_nothing_and_takes_nothing_away(tmp_path: Path) -> None:
    """A note is what somebody had."""
    _leave(tmp_path).note("job", HOSTS)
    assert not (tmp_path / "private").exists()
    _leave(tmp_path, ("127.0.0.1", 8000)).note("job", HOSTS)
    _leave(tmp_path, ("::1", 8001)).note("job", HOSTS)

    assert _leave(tmp_path).lacking("job") == ("127.0.0.1:8000", "[::1]:8001")


def test_whoever_runs_the_process_hears_of_it(tmp_path: Path) -> None:
    """`runnel serve` says it on its terminal; others say nothing by themselves."""
    heard: list[tuple[str, str]] = []
    leave = _leave(tmp_path)
    leave.tell("job", "nobody hears this")
    leave.say = lambda job_id, sentence: heard.append((job_id, sentence))
    leave.tell("job", "why")

    assert heard == [("job", "why")]
