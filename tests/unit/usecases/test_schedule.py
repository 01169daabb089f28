"""How well the driver uses a host's time: with a clock that the test moves, so a busy machine changes nothing."""

import pytest

from runnel.domain import events as e
from runnel.domain.verdicts import ErrorCategory
from runnel.usecases.run_crawl import Drive
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.slow_journal import slow_down

LATENCY_S = 0.05
CONCURRENCY = 32
CHILDREN = 8


def _tree(pages: int) -> ScriptedHome:
    """A site whose pages link to eight more, each answer taking 50 ms."""
    paths = ["/", *(f"/{number}" for number in range(1, pages))]
    home = ScriptedHome(
        {
            path: ScriptedPage(text=path, links=tuple(paths[CHILDREN * place + 1 : CHILDREN * (place + 1) + 1]))
            for place, path in enumerate(paths)
        }
    )
    home.latency_s = LATENCY_S
    return home


@pytest.mark.parametrize(
    ("commit_s", "reading_s"),
    [(0.0, 0.0), (0.02, 0.0), (0.02, 0.02)],
    ids=["no other work", "commits of 20 ms", "and pages read for 20 ms"],
)
async def test_all_places_at_a_host_are_used_as_long_as_pages_wait(commit_s: float, reading_s: float) -> None:
    """The bound is concurrency ÷ latency; what falls short of it is the machine's work, not waiting of ours."""
    home = _tree(600)
    home.reading_s = reading_s
    started_s: list[float] = []
    home.on_fetch = lambda _path: started_s.append(home.clock.monotonic())
    job = await home.create(sitemap="skip", concurrency=CONCURRENCY)
    process = home.process("D1")
    slow_down(process, commit_s)
    begun_s = home.clock.monotonic()
    await home.finish(home.drive(process, job))
    first_s = 0.5 + 20 * commit_s + 8 * reading_s  # it rises from two at once to 32, step by step
    warm = [at_s for at_s in started_s if first_s <= at_s - begun_s < first_s + 0.4]

    assert len(started_s) == 600
    assert home.max_in_flight == CONCURRENCY
    assert len(warm) >= 0.9 * CONCURRENCY / LATENCY_S * 0.4


async def test_nothing_starts_while_a_refusal_waits_to_be_heard() -> None:
    """The driver may be busy with a commit; a site that says 429 meanwhile is not asked on by those that did well."""
    home = _tree(400)
    home.pages["/90"] = [ScriptedPage(status=429, retry_after_s=5.0), ScriptedPage(text="/90")]
    started_s: list[tuple[float, str]] = []
    home.on_fetch = lambda path: started_s.append((home.clock.monotonic(), path))
    job = await home.create(sitemap="skip", concurrency=CONCURRENCY)
    process = home.process("D1")
    slow_down(process, 0.3)
    await home.finish(home.drive(process, job))
    refused_s = next(at_s for at_s, path in started_s if path == "/90") + LATENCY_S
    meanwhile = [path for at_s, path in started_s if refused_s < at_s < refused_s + 5.0]

    assert meanwhile == []
    assert len(started_s) == 401


async def test_nothing_starts_in_a_driver_that_is_about_to_leave() -> None:
    """A page that comes while the driver is busy with a commit is followed by no other when it is time to go."""
    home = _tree(200)
    home.latency_s = 0.5
    started_s: list[float] = []
    home.on_fetch = lambda _path: started_s.append(home.clock.monotonic())
    job = await home.create(sitemap="skip", concurrency=4)
    process = home.process("D1")
    slow_down(process, 0.9)
    deadline_s = home.clock.monotonic() + 9.0  # it leaves after two thirds of that
    ended = await home.finish(home.drive(process, job, deadline_s=deadline_s))

    assert ended is Drive.HANDED_OVER
    assert len(started_s) > 4
    assert max(started_s) <= deadline_s - 3.0


@pytest.mark.parametrize("hanging", [1, 3, 8])
async def test_pages_that_hang_starve_no_others_of_their_host(hanging: int) -> None:
    """They come first among the links, and each of them takes half a minute to fail, four times."""
    hung, good = [f"/hang/{number}" for number in range(hanging)], [f"/{number}" for number in range(60)]
    home = ScriptedHome({"/": ScriptedPage(text="home", links=(*hung, *good))})
    home.pages |= {path: ScriptedPage(text=path) for path in good}
    home.pages |= {path: ScriptedPage(category=ErrorCategory.TIMEOUT) for path in hung}
    home.delays = dict.fromkeys(hung, 30.0)
    home.latency_s = LATENCY_S
    at_s: dict[str, float] = {}

    def note(path: str) -> None:
        at_s.setdefault(path, home.clock.monotonic())

    home.on_fetch = note
    job = await home.create(sitemap="skip")
    begun_s = home.clock.monotonic()
    task = home.drive(home.process("D1"), job)
    await home.finish(task)

    assert max(at_s[path] - begun_s for path in good) < 3.5 * hanging + 2
    assert home.max_in_flight <= 10
    assert home.clock.monotonic() - begun_s < 4 * 30 + 30, "they are tried together"
    assert len(home.of_type(job, e.UrlFailed)) == hanging
