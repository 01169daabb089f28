"""The routes that tell why a page is missing."""

from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

PAGES = {"/": ScriptedPage(text="home", links=("/gone",)), "/gone": ScriptedPage(status=404)}


async def test_both_routes_tell_the_same_of_a_url_that_a_job_saw() -> None:
    """With the record of the URL list, the way to it, and what to do."""
    home = ScriptedHome(PAGES)
    job = await home.crawl()
    client, url = web_client(home), home.url("/gone")
    newest = await client.get("/v1/why", params={"url": url})
    in_job = await client.get(f"/v1/jobs/{job.job_id}/urls/why", params={"url": url})
    told = newest.json()

    assert (newest.status_code, in_job.json()) == (200, told)
    assert (told["verdict"], told["error"]["category"], told["judged"]) == ("failed", "http_4xx", False)
    assert (told["job_id"], told["path"], told["url"]) == (job.job_id, [home.url("/")], url)
    assert told["advice"]


async def test_what_cannot_be_told_is_a_problem() -> None:
    """No job, no URL, or somebody else's job."""
    client = web_client(ScriptedHome(PAGES))

    assert (await client.get("/v1/why", params={"url": "https://h/"})).json()["code"] == "job_not_found"
    assert (await client.get("/v1/why", params={"url": "mailto://x"})).json()["code"] == "invalid_input"
    assert (await client.get("/v1/why")).status_code == 422
    assert (await client.get("/v1/jobs/none/urls/why", params={"url": "https://h/"})).json()["code"] == "job_not_found"
