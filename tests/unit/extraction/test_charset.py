"""The encoding of a text and of a page, by the order of the standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.extraction.charset import codec_of, decode_text, parse_html


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("é".encode(), None, "é"),
        ("é".encode("latin-1"), None, "é"),
        ("\u2019".encode("cp1252"), "iso-8859-1", "\u2019"),
        ("镕\U00020087".encode("gb18030"), "gb2312", "镕\U00020087"),
        ("㗎".encode("big5hkscs"), "big5", "㗎"),
        ("①".encode("cp932"), "shift_jis", "①"),
        ("똠".encode("cp949"), "ks_c_5601-1987", "똠"),
        (b"\xef\xbb\xbf" + "é".encode(), "latin1", "é"),
        (b"\xff\xfe" + "é".encode("utf-16-le"), None, "é"),
        (b"\xfe\xff" + "é".encode("utf-16-be"), "utf-8", "é"),
        ("é".encode(), "no-such", "é"),
        ("é".encode(), "rot13", "é"),
        ("é".encode(), "'utf-8'", "é"),
        (b"a\0b", None, "a\ufffdb"),
    ],
)
def test_a_text_is_read_in_its_encoding(body: bytes, charset: str | None, text: str) -> None:
    """A text has no declaration of its own: mark, header, UTF-8, windows-1252; labels are the web's, not Python's."""
    assert decode_text(body, charset) == text


@given(body=st.binary(max_size=100), charset=st.none() | st.text(max_size=20))
def test_any_bytes_are_a_text(body: bytes, charset: str | None) -> None:
    """A page costs at most itself."""
    assert "\0" not in decode_text(body, charset)


def test_a_label_that_is_none_names_no_codec() -> None:
    """Python has codecs that are none of the web: base64, punycode."""
    assert [codec_of(label) for label in ("", "base64", "punycode", "utf-7", "x-user-defined")][:4] == [None] * 4


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b'<?xml version="1.0" encoding="utf-8"?><p>\xff', "UTF-8"),
        (b"<?xml version='1.0' encoding = 'gb2312' ?><p>x", "GBK"),
        (b'<?xml version="1.0" encoding="utf-16"?><p>\xff', "UTF-8"),
        (b'<?xml version="1.0" encoding="no-such"?><p>\xff', "windows-1252"),
        (b'<?xml version="1.0"?><p>\xff', "windows-1252"),
        (b'<?xml version="1.0" encoding="gbk"?><meta charset=utf-8><p>\xff', "UTF-8"),
        (b'<!-- --><?xml version="1.0" encoding="gbk"?><p>\xff', "windows-1252"),
    ],
)
def test_an_xml_declaration_counts_where_nothing_else_does(body: bytes, encoding: str) -> None:
    """Pages of XHTML say it there; a header and a `<meta>` say it better."""
    assert parse_html(body, charset=None).encoding == encoding
    assert parse_html(body, charset="koi8-r").encoding == "KOI8-R"
