"""What a user types for a URL: with its scheme, or without."""

from typing import Final

#: Schemes without `//`: such a text is no host name whose scheme was left out.
_WITHOUT_SLASHES: Final = ("mailto:", "javascript:", "data:", "file:", "about:", "tel:")


def has_scheme(text: str) -> bool:
    """Tell whether *text* names its scheme; `docs.example.com` and `localhost:8000` do not."""
    return "://" in text or text.strip().lower().startswith(_WITHOUT_SLASHES)
