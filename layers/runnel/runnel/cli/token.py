"""`runnel token`: who may call a server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import click

from runnel.cli.backend import TokenDesk, open_backend
from runnel.cli.jobs import show_rows
from runnel.cli.options import Call, example, run, shared
from runnel.cli.terminal import write_json, write_line

P = ParamSpec("P")
T = TypeVar("T")

#: The tenant of a stack, as its parameter `Tenant` has it.
_STACK_TENANT = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which tokens are meant."""

    table: str | None
    region: str | None
    tenant: str | None

    def visit(self, call: Call, work: Callable[[TokenDesk], Awaitable[T]]) -> T:
        """Do *work* there."""
        if self.table is None:
            if self.region is not None:
                raise click.UsageError("--region goes with --table NAME, the table of a deployed stack.")
            return run(self._at_home(call, work))
        if call.remote is not None:
            raise click.UsageError("--table goes to AWS with your own credentials; leave --remote out.")
        return run(self._in_table(self.table, work))

    async def _in_table(self, table: str, work: Callable[[TokenDesk], Awaitable[T]]) -> T:
        from runnel.cli.access import open_table

        async with open_table(table, region=self.region, tenant=self.tenant or _STACK_TENANT) as access:
            return await work(access)

    async def _at_home(self, call: Call, work: Callable[[TokenDesk], Awaitable[T]]) -> T:
        async with open_backend(call.settings()) as backend:
            return await work(backend.access(self.tenant))


def placed(command: Callable[P, T]) -> Callable[P, T]:
    """Give a command the options that say which tokens are meant."""
    for option in (
        click.option("--tenant", metavar="NAME", help=f"Whose.  [default: the home's own; {_STACK_TENANT} in a table]"),
        click.option("--region", metavar="NAME", help="The table's region.  [default: that of the AWS settings]"),
        click.option("--table", metavar="NAME", help="Of a deployed stack, with your AWS credentials: its TableName."),
    ):
        command = option(command)
    return command


@click.group()
def token() -> None:
    """Make, list and revoke access tokens: of this machine's server, or with --table of a deployed stack."""


@token.command(epilog=example("runnel token create --name laptop --expires-days 90"))
@click.option("--name", default="", metavar="TEXT", help="What it is for.")
@click.option("--expires-days", type=click.IntRange(min=1), metavar="N", help="Valid for so long.  [default: for ever]")
@placed
@shared
def create(call: Call, /, name: str, expires_days: int | None, **place: str | None) -> None:
    """Make a token; it is shown once, and only its hash is kept."""

    async def work(desk: TokenDesk) -> None:
        made = await desk.create({"name": name, "expires_days": expires_days, "tenant": place["tenant"]})
        if call.as_json:
            write_json(made)
        else:
            write_line(made["token"])
        call.talk.say("Keep it: it is not shown again. Callers set RUNNEL_TOKEN, or send it as a Bearer token.")

    Place(**place).visit(call, work)


@token.command("list", epilog=example("runnel token list"))
@placed
@shared
def list_tokens(call: Call, /, **place: str | None) -> None:
    """List tokens by their hash; the tokens themselves are nowhere."""

    async def work(desk: TokenDesk) -> None:
        found = [one async for one in desk.listed()]
        show_rows(call, found, ("name", "tenant", "created_at", "expires_at", "sha256"), "tokens")

    Place(**place).visit(call, work)


@token.command(epilog=example("runnel token revoke 2c26b46b68ffc68f"))
@click.argument("sha256", metavar="SHA256")
@placed
@shared
def revoke(call: Call, /, sha256: str, **place: str | None) -> None:
    """Make a token worthless; the beginning of its hash is enough when it is the only such."""

    async def work(desk: TokenDesk) -> None:
        found = [str(one["sha256"]) async for one in desk.listed() if one["sha256"].startswith(sha256)]
        if len(found) != 1:
            raise click.UsageError(f"{len(found)} tokens have a hash that begins with {sha256}; see: runnel token list")
        await desk.revoke(found[0])
        call.talk.say(f"Revoked {found[0]}. A server may know it for one more minute.")

    Place(**place).visit(call, work)
