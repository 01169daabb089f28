"""Links that lead to files, not to pages: known by the ending of their path, so they are never fetched.

Limit: a file without a telling name is found out by its content type only, after its headers have come.
"""

from typing import Final

_KINDS: Final = {
    "archive": "7z bz2 deb dmg exe gz iso jar msi rar rpm tar tgz whl xz zip zst",
    "audio or video": "avi flac m4a m4v mkv mov mp3 mp4 mpeg mpg oga ogg ogv wav webm",
    "document": "doc docx epub odp ods odt pdf ppt pptx ps rtf xls xlsx",
    "font": "eot otf ttf woff woff2",
    "image": "avif bmp gif ico jpeg jpg png svg tif tiff webp",
    "part of a page": "css js json map mjs rss wasm",
}
_KIND_OF: Final = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}


def asset_kind(url: str) -> str | None:
    """What kind of file a canonical URL's path names (`document: .pdf`); None when it may be a page."""
    name = url.partition("?")[0].rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    kind = _KIND_OF.get(ending.lower()) if dot and stem else None
    return f"{kind}: .{ending.lower()}" if kind else None
