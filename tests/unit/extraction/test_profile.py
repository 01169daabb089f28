"""What a site repeats is learned from a fixed sample, and taken out of all its pages alike."""

import random

from runnel.extraction.learning import SAMPLE
from runnel.extraction.profile import SamplePage, SiteProfile, learn
from runnel.extraction.reading import read_links, read_page

URL = "https://docs.example.com/a"
NOTICE = "<div class=top>Please answer our yearly survey of users today</div>"
#: Nothing in their names or their make-up tells these from text.
LINKS = "<div class=x><p>We also make <a href=../b>boats</a> and <a href=c>carts</a> for people</div>"


def page(number: int, around: str = NOTICE + LINKS) -> str:
    own = f"<p>Page {number} says its own things, {'and more ' * 30} and links to <a href=p{number}>it</a></p>"
    return f"<title>Page {number}</title><body>{around}<div class=text><h1>Page {number}</h1>{own}</div>"


def profile_of(*pages: str) -> SiteProfile:
    return learn(SamplePage(html.encode()) for html in pages)


def markdown_of(html: str, profile: SiteProfile) -> str:
    return read_page(html.encode(), url=URL, profile=profile).markdown


def test_what_all_pages_say_is_no_page_s_own() -> None:
    """No single page can tell a notice from its text; the site can."""
    profile = profile_of(*(page(number) for number in range(5)))

    others = "<div class=z><a href=one>One of</a> <a href=two>its own lists</a></div>"

    assert "# Page 7" in markdown_of(page(7, around=NOTICE + others), profile)
    assert "survey" in markdown_of(page(7), SiteProfile())
    assert markdown_of(page(7), profile) == markdown_of(page(7, around=""), SiteProfile())


def test_the_links_of_a_block_tell_it_as_well_as_its_text() -> None:
    """The same menu marks another entry on each page, and counts its steps from each folder."""
    menus = [
        LINKS.replace("We", f"On page {number} we").replace("../b", "../../b" * (number % 2) or "b")
        for number in range(6)
    ]
    profile = profile_of(*(page(number, around=menu) for number, menu in enumerate(menus[:5])))

    assert "boats" not in markdown_of(page(5, around=menus[5]), profile)


def test_links_are_followed_all_the_same() -> None:
    """What is no text of a page still leads to others."""
    profile = profile_of(*(page(number) for number in range(5)))

    assert (
        "https://docs.example.com/b"
        in read_links(page(7).encode(), url="https://docs.example.com/d/a", profile=profile).links
    )


def test_a_profile_depends_on_its_sample_alone() -> None:
    """Order within the sample, and pages beyond it, change no byte of any page."""
    pages = [page(number) for number in range(SAMPLE)]
    shuffled = random.Random(7).sample(pages, len(pages))

    assert profile_of(*pages) == profile_of(*shuffled) == profile_of(*pages, *(page(0, around="") for _ in range(90)))
    assert profile_of(*pages).blocks


def test_few_pages_and_broken_ones_teach_nothing() -> None:
    """Two pages may well agree by chance."""
    assert profile_of(page(1), page(2)) == SiteProfile()
    assert profile_of("", "<frameset><frame src=a></frameset>", "<p>") == SiteProfile()


def test_what_a_part_of_the_pages_says_stays() -> None:
    """A note on a third of the pages is about those."""
    profile = profile_of(*(page(number, around=NOTICE if number < 4 else "") for number in range(12)))

    assert "survey" in markdown_of(page(1), profile)


def test_the_page_s_own_parts_are_never_learned() -> None:
    """Every page of a reference has the same headings, and the same short words under them."""
    own = "<div class=y><h2>Returns</h2><p>Returns the number of beds.</p></div><div>Example</div>"
    own += "<main><p>a b c d e f</p></main>"
    profile = profile_of(*(page(number, around=own) for number in range(5)))

    assert profile == SiteProfile()


def test_a_page_that_all_others_copy_is_kept() -> None:
    """A site that answers the same everywhere would come out empty."""
    same = "<body><div class=a>This site is down for its yearly repair, come back later</div>"
    profile = profile_of(*(same for _ in range(5)))

    assert "yearly repair" in markdown_of(same, profile)


def test_what_is_long_deep_or_empty_is_not_learned() -> None:
    """A chapter that all pages repeat is text, so is what stands deep in a page; no words tell nothing."""

    def around(number: int) -> str:
        steps = f"<div>Step {number} of the way" * 4
        deep = f"{steps}<div><p>The same small words stand deep in each page</p></div>{'</div>' * 4}"
        return f"<div class=l>{'much to say ' * 2_000}</div>{deep}<div class=e></div>"

    pages = [page(number, around=around(number)) for number in range(5)]
    read = markdown_of(pages[0], profile_of(*pages))

    assert "small words stand deep" in read
    assert "much to say" in read


def test_an_entry_of_a_list_is_learned_from_no_page() -> None:
    """The lists of all pages name the same few packages; that does not make them boilerplate."""
    entries = "".join(f"<div class=entry>{name}<p><a href={at}>pumps</a></div>" for at, name in enumerate("abcdefgh"))
    pages = [f"<title>P{n}</title><body>{entries}<p>Page {n} says {'more ' * 40}</p>" for n in range(6)]

    assert markdown_of(pages[0], profile_of(*pages)).count("[pumps]") == 8
