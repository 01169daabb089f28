"""What strangers wrote never moves the cursor."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from runnel.cli.terminal import clean


def test_escape_sequences_and_marks_that_reorder_are_written_out() -> None:
    """A page title must not rewrite the line above, nor read backwards."""
    assert clean("a\x1b[2Jb\x9bc\u202ed\r\x07") == "a\\u001b[2Jb\\u009bc\\u202ed\\u000d\\u0007"
    assert clean("tab\tline\nend") == "tab line end"
    assert clean("tab\tline\nend", one_line=False) == "tab\tline\nend"
    assert clean("\U000e0041") == "\\udb40\\udc41"


def test_text_of_every_script_stays() -> None:
    """Umlauts, Persian joiners and emoji are no attack."""
    text = "Gewächshaus \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f33e 温室"

    assert clean(text) == text


@given(st.text())
def test_no_control_character_comes_through(text: str) -> None:
    """The law, for any text."""
    assert not [char for char in clean(text) if unicodedata.category(char) in {"Cc", "Cs"}]


@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_json_that_was_cleaned_says_the_same(value: dict[str, str]) -> None:
    """On a terminal the line is still data."""
    line = json.dumps(value, ensure_ascii=False)

    assert json.loads(clean(line, one_line=False)) == value
