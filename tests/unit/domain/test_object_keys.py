"""Keys of objects: names that lead nowhere else."""

import pytest

from runnel.domain.object_keys import check_key, check_name
from runnel.errors import InputInvalid


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/../b", "..", "a/.hidden", "a b", "a\nb", "é"])
def test_a_key_that_leads_elsewhere_is_refused(key: str) -> None:
    """In a folder a key is a path below it."""
    with pytest.raises(InputInvalid):
        check_key(key)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a b"])
def test_a_name_is_one_part_of_a_key(name: str) -> None:
    """A job that is called `../other` would write into another's folder."""
    with pytest.raises(InputInvalid):
        check_name(name)


def test_the_keys_that_runnel_makes_are_taken() -> None:
    """Hashes, ids, extensions."""
    assert check_key("raw/01jd0/1-0.warc.gz") == "raw/01jd0/1-0.warc.gz"
    assert check_name("01jd0000000000000000000000") == "01jd0000000000000000000000"
