"""`runnel token --table` against a stack's table: the way to the first token."""

import asyncio
import json
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.cli.main import main
from runnel.ports.tokens import Token
from tests.support.moto_server import CREDENTIALS, MotoServer, create_table, running_moto
from tests.support.template import REGION

#: One process's moto servers share what they hold.
TABLE = "token-table"
#: Runs a command; its exit code, what it printed, what it said.
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with running_moto() as server:
        create_table(server.dynamodb(), TABLE)
        yield server


@pytest.fixture
def run(moto: MotoServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for name, value in moto.environment().items():
        monkeypatch.setenv(name, value)

    def run_token(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["token", *arguments])
        out, err = capsys.readouterr()
        return int(str(left.value.code)), out, err

    return run_token


def _find(moto: MotoServer, secret: str) -> Token | None:
    """What a stack finds when it is asked with *secret*."""
    clock = SystemClock()
    stores = DynamoDBStores(moto.dynamodb(), TABLE, clock=clock, ids=SystemIds(clock))
    try:
        return asyncio.run(stores.tokens.find(sha256(secret.encode()).hexdigest()))
    finally:
        stores.close()


def test_a_token_is_made_listed_and_taken_back_in_the_stacks_own_table(moto: MotoServer, run: Run) -> None:
    """The stack finds it by its hash; the token itself is nowhere."""
    made, secret, said = run("create", "--table", TABLE, "--name", "first", "--expires-days", "2")
    _, listed, _ = run("list", "--table", TABLE)
    found = _find(moto, secret.strip())
    _, others, _ = run("list", "--table", TABLE, "--tenant", "another")
    revoked, _, _ = run("revoke", sha256(secret.strip().encode()).hexdigest()[:12], "--table", TABLE)

    assert (made, revoked) == (0, 0)
    assert "not shown again" in said
    assert found is not None
    assert (found.tenant, found.name) == ("main", "first")
    assert json.loads(listed)["sha256"] == found.sha256
    assert secret.strip() not in listed
    assert others == ""
    assert _find(moto, secret.strip()) is None


def test_a_region_may_be_named(moto: MotoServer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no AWS settings but credentials needs it."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    without, _, said = run("create", "--table", TABLE)
    code, secret, _ = run("create", "--table", TABLE, "--region", REGION, "--tenant", "team")
    found = _find(moto, secret.strip())

    assert (without, code) == (4, 0)
    assert "--region" in said
    assert found is not None
    assert found.tenant == "team"


def test_a_table_that_is_not_there_is_a_wrong_setting(run: Run) -> None:
    """One sentence, and where to look."""
    code, out, said = run("create", "--table", "nobodys")

    assert (code, out) == (4, "")
    assert "ResourceNotFound" in said
    assert "check --table" in said
    assert "Traceback" not in said


def test_without_credentials_nothing_is_sent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names what is missing."""
    for name in CREDENTIALS.keys() - {"AWS_REGION", "AWS_DEFAULT_REGION"}:
        monkeypatch.delenv(name)
    code, _, said = run("list", "--table", TABLE)

    assert code == 4
    assert "credentials" in said


@pytest.mark.parametrize(
    "arguments", [("--region", "eu-west-1"), ("--table", TABLE, "--remote", "http://127.0.0.1:9")], ids=" ".join
)
def test_what_contradicts_itself_is_usage(run: Run, arguments: tuple[str, ...]) -> None:
    """A region of nothing; a table behind a server."""
    assert run("list", *arguments)[0] == 2


def test_a_server_gives_no_tokens_but_says_who_does(run: Run) -> None:
    """There is no HTTP route for tokens, by design."""
    code, _, said = run("create", "--remote", "http://127.0.0.1:9")

    assert code == 2
    assert "--table" in said
