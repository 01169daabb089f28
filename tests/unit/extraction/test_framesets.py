"""Pages of frames."""

from runnel.extraction.reading import read_links, read_page

URL = "https://docs.example.com/api/index.html"
JAVADOC = b"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Frameset//EN">
<html><head><title>Valve API</title><script>top.targetPage = "" + window.location.search;</script></head>
<FRAMESET cols="20%,80%"><FRAMESET rows="30%,70%">
<FRAME src="overview-frame.html" name="packageListFrame" title="All Packages">
<FRAME src="allclasses-frame.html" name="packageFrame"></FRAMESET>
<FRAME src="overview-summary.html?a=1&amp;b=2#top">
<NOFRAMES><h2>Frame Alert</h2><p>This document is designed to be viewed using frames.</p></NOFRAMES>
</FRAMESET></html>"""


def test_a_page_of_frames_is_the_list_of_what_it_shows() -> None:
    """It is neither empty nor waits for a program; its frames are pages, and its links lead there."""
    reading, links = read_page(JAVADOC, url=URL), read_links(JAVADOC, url=URL)

    assert reading.markdown.strip() == (
        "# Valve API\n\n"
        "- [All Packages](https://docs.example.com/api/overview-frame.html)\n"
        "- [packageFrame](https://docs.example.com/api/allclasses-frame.html)\n"
        "- [overview-summary.html?a=1&b=2#top](https://docs.example.com/api/overview-summary.html?a=1&b=2#top)"
    )
    assert (reading.is_empty, reading.is_shell, links.is_empty, links.words) == (False, False, False, reading.words)
    assert reading.links == (
        "https://docs.example.com/api/overview-frame.html",
        "https://docs.example.com/api/allclasses-frame.html",
        "https://docs.example.com/api/overview-summary.html?a=1&b=2",
    )


def test_names_of_frames_are_text() -> None:
    """Whoever wrote them may not write Markdown or HTML of ours."""
    reading = read_page(
        b'<title>T</title><frameset><frame src="javascript:x" name="<b>&quot;x</b>"></frameset>', url=URL
    )

    assert "<b>" not in reading.markdown.replace("\\<b>", "")
    assert "javascript" not in reading.markdown
