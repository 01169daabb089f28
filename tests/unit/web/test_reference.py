"""The routes, as people and programs read them."""

import re
from pathlib import Path

from tests.support.homes import ScriptedHome
from tests.support.web_client import web_client

DOCS = Path(__file__).resolve().parents[3] / "docs" / "http.md"


async def routes() -> set[str]:
    """Every route with its method, from the description that programs read."""
    described = (await web_client(ScriptedHome({})).get("/openapi.json")).json()
    return {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}


async def test_the_page_of_routes_shows_them_all_and_loads_nothing() -> None:
    """It is read on trains and behind firewalls."""
    page = (await web_client(ScriptedHome({})).get("/docs")).text

    assert {route for route in await routes() if route not in page} == set()
    assert not re.search(r"<script|<link|src=|url\(|href=\"https?:", page)


async def test_every_route_is_documented_with_an_example() -> None:
    """And nothing is documented that there is not."""
    headings = set(re.findall(r"^### `([A-Z]+ /[^`]*)`$", DOCS.read_text(), re.MULTILINE))
    sections = re.split(r"^### .*$", DOCS.read_text(), flags=re.MULTILINE)[1:]

    assert headings == await routes() | {"GET /openapi.json", "GET /docs"}
    assert all("curl " in section for section in sections)
