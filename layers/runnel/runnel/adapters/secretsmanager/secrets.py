"""The `Secrets` port over AWS Secrets Manager: only the names that the template lists, whatever a job asks for."""

import asyncio
from typing import Any, Protocol, cast

from botocore import exceptions as botocore
from botocore.config import Config
from botocore.session import get_session

from runnel.errors import SecretMissing, StoreUnavailable

_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"})
#: Answers that no repetition changes: there is none, or the role may not read it.
_FINAL = frozenset(
    {"ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException", "DecryptionFailure"}
)


class SecretsClient(Protocol):
    """What is asked of botocore's client."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803  # botocore's spelling
        """Look one up."""
        ...


def make_client(**arguments: Any) -> SecretsClient:
    """Make a client; *arguments* (endpoint, region, credentials) go to botocore."""
    return cast("SecretsClient", get_session().create_client("secretsmanager", config=_CONFIG, **arguments))


class SecretsManagerSecrets:
    """Reads `secret:NAME`; `env:NAME` is refused, for the environment holds the function's own credentials."""

    def __init__(self, client: SecretsClient, names: frozenset[str]) -> None:
        """Read none but those of *names*."""
        self._client = client
        self._names = names

    async def get(self, reference: str) -> str:
        kind, _, name = reference.partition(":")
        if kind != "secret":
            raise SecretMissing(f"{reference}: only 'secret:' references can be used here.")
        if name not in self._names:
            raise SecretMissing(f"{reference}: the stack does not name it; deploy with the parameter Secrets={name}.")
        return await asyncio.to_thread(self._read, reference, name)

    def _read(self, reference: str, name: str) -> str:
        try:
            answer = self._client.get_secret_value(SecretId=name)
        except botocore.ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code in _FINAL:
                raise SecretMissing(f"{reference}: Secrets Manager answered {code}.") from error
            raise StoreUnavailable(f"{reference}: Secrets Manager answered {code}.") from error
        except botocore.BotoCoreError as error:
            raise StoreUnavailable(f"{reference}: Secrets Manager did not answer.") from error
        value = answer.get("SecretString")
        if not isinstance(value, str):
            raise SecretMissing(f"{reference}: it is binary; a header needs text.")
        return value
