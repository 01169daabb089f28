"""Pages that are none: shells that a browser has yet to build, and pages that hardly say anything."""

import pytest

from runnel.extraction.quality import rate_page
from runnel.extraction.reading import read_links, read_page

URL = "https://docs.example.com/a"
REACT = (
    "<head><title>Garden</title></head><body><noscript>You need to enable JavaScript to run this app.</noscript>"
    "<div id=root></div><script src=/static/js/main.js></script>"
)
VUE = (
    "<body><noscript><strong>We're sorry but garden doesn't work properly without JavaScript enabled. Please enable it "
    "to continue.</strong></noscript><div id=app></div><script type=module src=/app.js></script>"
)
NEXT = (
    "<body><div id=__next><div class=spinner>Loading…</div></div>"
    "<script id=__NEXT_DATA__ type='application/json'>{\"props\":{}}</script><script src=/_next/main.js></script>"
)
ANGULAR = "<body><app-root>Loading...</app-root><script src=main.js type=module></script>"
FRAMED = (
    "<body><header><a href=/>Garden documentation and guides</a></header><div id=root></div>"
    "<footer>All rights reserved by the gardeners</footer><script src=a.js></script>"
)
BARE = "<body><my-docs></my-docs><script src=a.js></script>"
VISIBLE = "<body><div id=app><p>Please turn on JavaScript to see this site.</p></div><script src=a.js></script>"
DOCSIFY = "<body><nav><a href=#/de>de</a></nav><div data-app id=main>Loading</div><script src=docsify.js></script>"
FRAMES = "<html><head><script src=a.js></script></head><frameset><frame></frameset></html>"


@pytest.mark.parametrize("html", [REACT, VUE, NEXT, ANGULAR, FRAMED, BARE, VISIBLE, DOCSIFY, FRAMES])
def test_a_shell_is_said_to_be_one(html: str) -> None:
    """An empty file, or one that says "Loading", is worse than a word about it."""
    whole, links = read_page(html.encode(), url=URL), read_links(html.encode(), url=URL)

    assert whole.is_shell
    assert whole.is_empty
    assert links.is_shell
    assert links.is_empty


@pytest.mark.parametrize(
    "html",
    [
        "<body><main><h1>Version</h1><p>This is 3.2.</p></main><script src=a.js></script>",
        "<body><noscript>Enable JavaScript.</noscript><main><p>Moved to another site.</main><script></script>",
        "<body><main><h1>Version</h1><p>This is 3.2.</p></main><div id=app></div><script src=a.js></script>",
        "<body><div id=root><h1>Pumps</h1><p>Built by its server.</p></div><script src=a.js></script>",
        "<body><main><h1>Games</h1><p>This one requires JavaScript.</p></main><script src=a.js></script>",
        "<body><div id=app></div><p>No program follows.</p>",
        "<body><div id=loading><p>Loading docks and how to build them well.</p></div><script src=a.js></script>",
    ],
)
def test_a_short_page_is_no_shell(html: str) -> None:
    """It has been written, if briefly."""
    reading = read_page(html.encode(), url=URL)

    assert not reading.is_shell
    assert not reading.is_empty


def test_an_empty_page_without_a_program_is_just_empty() -> None:
    """No browser would make more of it."""
    reading = read_page(b"<body><main></main>", url=URL)

    assert reading.is_empty
    assert not reading.is_shell


@pytest.mark.parametrize(
    ("text", "title", "score", "reason"),
    [
        ("word " * 40, "Pumps", 100, ""),
        ("word " * 20, "Pumps", 50, "20 words"),
        ("word " * 7, "Pumps", 17, "7 words"),
        ("word", "Pumps", 2, "1 words"),
        ("Sorry, we looked everywhere. " * 5, "404 - Page not found", 0, "says that there is no such page"),
        ("Sorry, we looked everywhere. " * 5, "Not Found", 0, "says that there is no such page"),
        ("The server answers 404 Not Found when it has no such page. " * 20, "404 Not Found", 100, ""),
        ("Please verify you are a human to go on. " * 4, "Wait", 0, "stands before the page: a question or a refusal"),
        ("How to verify you are human, in theory and practice. " * 20, "Captchas", 100, ""),
        ("\ufffd\ufffd\ufffd words " * 40, "Pumps", 5, "could not be decoded"),
        ("这是关于水泵的一页它把水从桶里提到花坛里" * 4, "水泵", 100, ""),
    ],
)  # fmt: skip
def test_a_score_says_whether_a_page_says_anything(text: str, title: str, score: int, reason: str) -> None:
    """It judges no subject: a page about errors is no error, and not every script puts spaces between words."""
    assert rate_page(text, words=len(text.split()), title=title) == (score, reason)


def test_a_first_heading_tells_as_much_as_a_title() -> None:
    """Sites answer a missing page with their usual title."""
    assert rate_page("Go home", words=2, title="Garden", heading="Page not found") == (
        0, "says that there is no such page",
    )  # fmt: skip
