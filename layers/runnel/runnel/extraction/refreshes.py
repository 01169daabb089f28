"""What a `Refresh` header, or the `content` of a `<meta http-equiv=refresh>`, says."""

import re
from typing import Final

#: Seconds, whose fraction does not count, then perhaps an address, perhaps in quotes.
_REFRESH: Final = re.compile(
    r"""\s*(?P<s>[0-9]{1,9}|(?=\.))[0-9.]*\s*(?:[;,\s]\s*(?:url\s*=\s*)?(?P<quote>['"]?)(?P<url>.*))?""",
    re.IGNORECASE | re.DOTALL,
)


def refresh_of(text: str) -> tuple[float, str] | None:
    """Read it as a browser does: seconds and address; None when it leads nowhere."""
    found = _REFRESH.fullmatch(text)
    if found is None or not found["url"]:
        return None
    address = found["url"].partition(found["quote"])[0] if found["quote"] else found["url"]
    return (float(found["s"] or 0), address.strip()) if address.strip() else None
