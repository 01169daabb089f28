"""The tables of standards bodies and other projects, each core row ours or its exception explained."""

import pytest

from tests.support.conformance import FOLDER
from tests.support.conformance_tables import EXCEPTIONS, TABLES

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the conformance tables are not beside the project")


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_a_table_is_ours_or_has_its_reason(name: str) -> None:
    """A row is never special-cased in the code: what differs says why, here."""
    rows, least = TABLES[name]
    verdicts = list(rows())
    wrong = {row for row, is_right in verdicts if not is_right}

    assert len(verdicts) >= least
    assert wrong <= EXCEPTIONS.keys()


def test_no_exception_is_left_when_its_row_has_come_right() -> None:
    """An excuse that nobody needs hides the next mistake."""
    wrong = {row for rows, _ in TABLES.values() for row, is_right in rows() if not is_right}

    assert EXCEPTIONS.keys() == wrong
