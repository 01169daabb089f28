"""The headers of protected sites, without a site."""

from dataclasses import replace

import pytest

from runnel.adapters.system.secrets import EnvironmentSecrets
from runnel.domain.jobs import JobOptions
from runnel.errors import SecretMissing
from runnel.usecases.load_headers import SourceHeaders, resolve_headers
from tests.support.homes import ScriptedHome


async def test_values_are_looked_up_once_and_go_to_the_sources_own_host_only() -> None:
    """Each look costs a call on AWS, and a pause that is taken back looks again."""
    asked: list[str] = []

    def read(name: str) -> str:
        asked.append(name)
        return "v"

    job = await ScriptedHome({}).create()
    protected = job.options.model_copy(update={"headers": {"X-Key": "env:KEY"}})
    headers = SourceHeaders(EnvironmentSecrets(read), replace(job, options=protected))
    await headers.load()
    await headers.load()
    own = job.sources[0].url

    assert asked == ["KEY"]
    assert headers.of(f"{own}x") == {"X-Key": "v"}
    assert headers.of("https://other.example/") == headers.of(own.replace("https://", "http://")) == {}


@pytest.mark.parametrize("value", ["", " \n", "a\r\nX-Evil: b", "a\0b"])
async def test_a_value_that_cannot_stand_in_a_header_is_refused_unseen(value: str) -> None:
    """It would end the line, and begin one of somebody else's."""
    with pytest.raises(SecretMissing, match="X-Key cannot be sent") as refused:
        await resolve_headers(EnvironmentSecrets(lambda _: value), JobOptions(headers={"X-Key": "env:KEY"}).headers)

    assert "Evil" not in refused.value.message
