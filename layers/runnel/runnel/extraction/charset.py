"""From the bytes of a page to its tree or its text, in the encoding that the page was written in.

Laws: the order is that of the WHATWG standard: byte-order mark, the header's charset, the `<meta>` of the first 1,024
bytes, an XML declaration, then UTF-8 when the bytes are valid UTF-8, then windows-1252; a text has no `<meta>`. Labels
are those of the standard (`latin1` is windows-1252, `gb2312` is GBK), not Python's codecs. A label that nobody knows
counts as none. Every bytes value gives a tree, and a text.
"""

import codecs
import re
from functools import lru_cache
from typing import Final

import turbohtml

_SNIFFED_BYTES: Final = 1_024
#: An XML declaration that names an encoding.
_XML: Final = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*(?:"([\x21-\x7e]{1,40}?)"|'([\x21-\x7e]{1,40}?)')""")
#: The standard's name of an encoding → Python's codec of it, where the names differ or Python's knows fewer characters.
_CODECS: Final = {
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "iso-8859-8-i": "iso8859-8",
    "macintosh": "mac-roman",
    "shift_jis": "cp932",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
}
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def parse_html(body: bytes, *, charset: str | None) -> turbohtml.Document:
    """Parse a page whose HTTP header named *charset* (None: it named none).

    The parts of web components that a page declares stay in the tree, as `template` elements.
    """
    label = (charset or "").strip().strip("\"'") or _declared_in_xml(body)
    if label:
        try:
            return turbohtml.parse(body, encoding=label, positions=False, allow_declarative_shadow_roots=False)
        except LookupError:
            pass  # a label from the network that is no encoding; the page itself may say it better
    return turbohtml.parse(body, positions=False, allow_declarative_shadow_roots=False)


def decode_text(body: bytes, charset: str | None) -> str:
    """Return the text of *body*, which the HTTP header says to be in *charset* (None: it says nothing)."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace").replace("\0", "\ufffd")
    told = codec_of((charset or "").strip().strip("\"'"))
    if told is None:
        told = "utf-8" if _is_utf_8(body) else "windows-1252"
    return body.decode(told, "replace").replace("\0", "\ufffd")


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=256)  # a site has one or two
def codec_of(label: str) -> str | None:
    """Return Python's codec of a label of the standard; None for one that is none, or none for text."""
    try:
        name = (turbohtml.parse(b"", encoding=label, positions=False).encoding or "").lower() if label else ""
        codec = _CODECS.get(name, name)
        return codecs.lookup(codec).name if codec else None
    except LookupError:
        return None


def _declared_in_xml(body: bytes) -> str:
    """Return the encoding of an XML declaration; "" when a `<meta>` or a byte-order mark has the word."""
    if not body.startswith(b"<?xml"):
        return ""
    found = _XML.match(body[:_SNIFFED_BYTES])
    if found is None or b"charset" in body[:_SNIFFED_BYTES].lower():
        return ""
    label = (found[1] or found[2]).decode("ascii")
    return "utf-8" if label.lower().startswith("utf-16") else label
