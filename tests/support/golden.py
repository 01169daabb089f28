"""The shapes that clients rely on, as kept in `tests/data/golden`: names and types, without the values.

Write them anew, and say so in CHANGELOG.md: `python -m tests.support.golden`.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from runnel.domain import events as e
from runnel.streaming.front_matter import front_matter
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

FOLDER: Final = Path(__file__).parent.parent / "data" / "golden"
#: Objects whose keys are data: reasons, categories, files.
_MAPS: Final = frozenset({"skipped", "failed", "files", "limits", "metadata"})
_NAMES: Final = tuple(f"/{number}" for number in range(10))


async def shapes() -> dict[str, Any]:
    """Every kept shape by the name of its file, of a library that has seen two crawls and a held one."""
    home = ScriptedHome(_site(*_NAMES))
    await home.crawl(metadata={"team": "docs"})
    home.pages = _site(*_NAMES[1:], "/new") | {"/1": ScriptedPage(text="another"), "/2": ScriptedPage(status=500)}
    job = await home.crawl()
    client = web_client(home)
    end = home.log(job)[-1]
    page = next(iter((await home.library(job)).values()))
    library = f"/v1/libraries/{job.library_id}"

    async def get(path: str) -> Any:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    found = {
        "report": await get(f"/v1/reports/{job.job_id}"),
        "report-map": await get(f"/v1/reports/{job.job_id}/files/map-main.json"),
        "result": json.loads(e.encode_event(end)),
        # What happened last depends on time, and events have a schema of their own.
        "job": await get(f"/v1/jobs/{job.job_id}") | {"activities": []},
        "library": await get(library),
        "page": await get(f"{library}/pages/{page.page_id}"),
        "page-in-manifest": json.loads(page.model_dump_json()),
        "page-front-matter": yaml.safe_load(front_matter(job.library_id, page).split("---")[1]),
        "change": (await get(f"{library}/diff"))["items"][0],
        "generation": (await get(f"{library}/generations"))["items"][0],
    }
    return {name: shape_of(value) for name, value in found.items()}


def shape_of(value: Any, *, is_map: bool = False) -> Any:
    """Names and types of a JSON value; of a list the shapes that occur in it, of a map those of its values."""
    if isinstance(value, Mapping):
        if is_map:
            return {"*": _distinct(shape_of(one) for one in value.values())}
        return {name: shape_of(one, is_map=name in _MAPS) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return _distinct(shape_of(one) for one in value)
    return "null" if value is None else type(value).__name__


def _distinct(found: Any) -> list[Any]:
    by_text = {json.dumps(one, sort_keys=True): one for one in found}
    return [by_text[text] for text in sorted(by_text)]


def _site(*names: str) -> dict[str, Any]:
    leaves = {name: ScriptedPage(text=f"leaf {name}") for name in names}
    links = (*names, "https://elsewhere.example.org/")
    return {"/": ScriptedPage(text="home", links=links, links_in_body=True), **leaves}


def write() -> None:
    """Write the shapes as they are now."""
    FOLDER.mkdir(exist_ok=True)
    for name, shape in asyncio.run(shapes()).items():
        (FOLDER / f"{name}.json").write_text(json.dumps(shape, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
