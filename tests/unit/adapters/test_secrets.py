"""Secrets in both homes: only what the operator has named, and never a value in an error."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from botocore import exceptions as botocore
from botocore.stub import Stubber

from runnel.adapters.secretsmanager.secrets import SecretsClient, SecretsManagerSecrets, make_client
from runnel.adapters.system.secrets import EnvironmentSecrets
from runnel.errors import SecretMissing, StoreUnavailable
from runnel.ports.secrets import NoSecrets

NAMES = frozenset({"docs/token"})


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """The real client of botocore, its network taken away."""
    client = cast("Any", make_client(region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"))
    with Stubber(client) as stubber:
        yield stubber


async def test_a_laptop_reads_its_environment() -> None:
    """`secret:` names a variable too, so that a library's sources run in both homes."""
    secrets = EnvironmentSecrets({"TOKEN": "a", "RUNNEL_SECRET_DOCS_TOKEN": "b"}.get)

    assert [await secrets.get("env:TOKEN"), await secrets.get("secret:docs/token")] == ["a", "b"]
    with pytest.raises(SecretMissing, match="env:NONE: the variable NONE is not set"):
        await secrets.get("env:NONE")
    with pytest.raises(SecretMissing):
        await NoSecrets().get("env:TOKEN")


async def test_aws_reads_a_secret_that_the_template_names(stub: Stubber) -> None:
    """By its name, and as text."""
    stub.add_response("get_secret_value", {"SecretString": "v"}, {"SecretId": "docs/token"})

    assert await SecretsManagerSecrets(cast("SecretsClient", stub.client), NAMES).get("secret:docs/token") == "v"


@pytest.mark.parametrize("reference", ["env:AWS_SECRET_ACCESS_KEY", "secret:docs/other", "secret:"])
async def test_aws_asks_for_nothing_else(stub: Stubber, reference: str) -> None:
    """The environment of a function holds its own credentials; the stub would refuse any call."""
    with pytest.raises(SecretMissing):
        await SecretsManagerSecrets(cast("SecretsClient", stub.client), NAMES).get(reference)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ResourceNotFoundException", SecretMissing),
        ("AccessDeniedException", SecretMissing),
        ("InternalServiceError", StoreUnavailable),
    ],
)
async def test_an_answer_that_is_no_secret_says_what_to_do_about_it(stub: Stubber, code: str, kind: type) -> None:
    """Whether to wait or to change the stack."""
    stub.add_client_error("get_secret_value", code)
    with pytest.raises(kind, match=f"secret:docs/token: Secrets Manager answered {code}"):
        await SecretsManagerSecrets(cast("SecretsClient", stub.client), NAMES).get("secret:docs/token")


async def test_a_binary_secret_and_a_silent_service_are_errors_of_ours(stub: Stubber) -> None:
    """Nothing foreign leaves an adapter."""

    class Silent:
        def get_secret_value(self, *, SecretId: str) -> dict[str, object]:  # noqa: N803
            raise botocore.EndpointConnectionError(endpoint_url=SecretId)

    stub.add_response("get_secret_value", {"SecretBinary": b"\0"}, {"SecretId": "docs/token"})
    with pytest.raises(SecretMissing, match="binary"):
        await SecretsManagerSecrets(cast("SecretsClient", stub.client), NAMES).get("secret:docs/token")
    with pytest.raises(StoreUnavailable, match="did not answer"):
        await SecretsManagerSecrets(Silent(), NAMES).get("secret:docs/token")
