"""How well the driver uses a host's time: with a clock that the test moves, so a busy machine changes nothing."""

from tests.support.homes import ScriptedHome, ScriptedPage

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


async def test_all_places_at_a_host_are_used_as_long_as_pages_wait() -> None:
    """The bound is concurrency ÷ latency; what falls short of it is the machine's work, not waiting of ours."""
    home = _tree(600)
    started_s: list[float] = []
    home.on_fetch = lambda _path: started_s.append(home.clock.monotonic())
    job = await home.create(sitemap="skip", concurrency=CONCURRENCY)
    begun_s = home.clock.monotonic()
    await home.finish(home.drive(home.process("D1"), job))
    warm = [at_s for at_s in started_s if 0.5 <= at_s - begun_s < 1.0]

    assert len(started_s) == 600
    assert home.max_in_flight == CONCURRENCY
    assert len(warm) >= 0.95 * CONCURRENCY / LATENCY_S * 0.5
    assert max(started_s) - begun_s <= 1.3  # the rise from two at once to 32 costs a quarter of a second
