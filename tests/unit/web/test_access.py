"""Who may ask, and as whom."""

from datetime import timedelta
from hashlib import sha256

import pytest

from runnel.ports.tokens import Token
from tests.support.homes import ScriptedHome
from tests.support.web_client import web_client

FOREIGN_HOSTS = ["evil.example", "127.0.0.1.evil.example", "192.168.1.1", "10.0.0.1", "[", "", "evil.example:8765"]
FOREIGN_ORIGINS = ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://localhost@evil.example", ""]


async def put_token(home: ScriptedHome, secret: str, *, tenant: str = "local", days: int | None = None) -> None:
    """Let *secret* open *tenant*."""
    now = home.clock.now()
    expires_at = now + timedelta(days=days) if days is not None else None
    token = Token(
        sha256=sha256(secret.encode()).hexdigest(), tenant=tenant, name="", created_at=now, expires_at=expires_at
    )
    await home.outside.services.tokens.put(token)


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8765", "127.9.9.9", "[::1]:8765"])
async def test_this_machine_needs_no_token(host: str) -> None:
    """A laptop's user has proved enough by being on it."""
    answer = await web_client(ScriptedHome({})).get("/v1/jobs", headers={"Host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_name_that_was_made_to_resolve_to_this_machine_gets_nothing(host: str) -> None:
    """DNS rebinding: the browser thinks that it speaks to the attacker's own server."""
    answer = await web_client(ScriptedHome({})).get("/v1/jobs", headers={"Host": host})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_foreign_page_in_the_browser_can_start_nothing(origin: str) -> None:
    """Any page may post to localhost; the browser says whose page it is."""
    home = ScriptedHome({})
    client = web_client(home)
    answer = await client.post("/v1/jobs", json={"url": home.url("/")}, headers={"Origin": origin})

    assert answer.status_code == 403
    assert (await client.get("/v1/jobs")).json()["items"] == []


async def test_a_page_of_this_machine_may_call() -> None:
    """Somebody develops a front end against it."""
    answer = await web_client(ScriptedHome({})).get("/v1/jobs", headers={"Origin": "http://localhost:3000"})

    assert answer.status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic bWU6bWU=", "right"])
async def test_without_a_valid_token_there_is_nothing(header: str | None) -> None:
    """A missing one and a wrong one get the same status: there is nothing to learn."""
    home = ScriptedHome({})
    await put_token(home, "right")
    headers = {} if header is None else {"Authorization": header}
    answer = await web_client(home, mode="token").get("/v1/jobs", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_opens_its_own_tenant_only() -> None:
    """What another tenant has does not exist."""
    home = ScriptedHome({})
    await put_token(home, "mine")
    await put_token(home, "theirs", tenant="another")
    job = await home.create()
    client = web_client(home, mode="token")
    answers = {
        secret: await client.get(f"/v1/jobs/{job.job_id}", headers={"Authorization": f"Bearer {secret}"})
        for secret in ("mine", "theirs")
    }

    assert answers["mine"].status_code == 200
    assert (answers["theirs"].status_code, answers["theirs"].json()["code"]) == (404, "job_not_found")


async def test_a_token_is_asked_for_once_a_minute_and_ends_when_it_should() -> None:
    """Revoking works within a minute, expiry at once, and a new token from the start."""
    home = ScriptedHome({})
    client, headers = web_client(home, mode="token"), {"Authorization": "Bearer right"}
    early = await client.get("/v1/jobs", headers=headers)
    await put_token(home, "right", days=1)
    first = await client.get("/v1/jobs", headers=headers)
    await home.outside.services.tokens.revoke("local", sha256(b"right").hexdigest())
    cached = await client.get("/v1/jobs", headers=headers)
    await home.clock.advance(61)
    revoked = await client.get("/v1/jobs", headers=headers)
    await put_token(home, "right", days=1)
    await client.get("/v1/jobs", headers=headers)
    await home.clock.advance(86_400)
    expired = await client.get("/v1/jobs", headers=headers)

    assert [one.status_code for one in (early, first, cached, revoked, expired)] == [401, 200, 200, 401, 401]


async def test_under_iam_the_signature_was_checked_before_us() -> None:
    """SigV4 owns the Authorization header; the tenant is the stack's."""
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=…".encode("latin-1", "replace").decode()}
    answer = await web_client(ScriptedHome({}), mode="iam").get("/v1/jobs", headers=headers)

    assert answer.status_code == 200
