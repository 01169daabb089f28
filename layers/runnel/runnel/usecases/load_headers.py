"""The headers that open a protected site: values looked up by the driver, for the sources' own hosts alone.

Laws (tests/integration/test_protected_sites.py): a job holds references and never a value; what is meant for a host
goes to that host and port only, and never from https to http; a header that steers the exchange is not the user's.
"""

import re
from collections.abc import Mapping
from typing import Final

from runnel.domain.jobs import Job
from runnel.errors import SecretMissing
from runnel.fetching.canonical import may_share_secrets
from runnel.ports.secrets import Secrets

#: What ends a line, or cannot stand in one.
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class SourceHeaders:
    """The headers of one job."""

    def __init__(self, secrets: Secrets, job: Job) -> None:
        """Know nothing before `load`."""
        self._secrets = secrets
        self._job = job
        self._values: dict[str, str] = {}

    async def load(self) -> None:
        """Look the values up, once; raises `SecretMissing`, `StoreUnavailable`."""
        if not self._values:
            self._values = await resolve_headers(self._secrets, self._job.options.headers)

    def of(self, url: str) -> dict[str, str]:
        """What goes along with a request for *url*: nothing, unless it lies on a source's own host."""
        if self._values and any(may_share_secrets(source.url, url) for source in self._job.sources):
            return self._values
        return {}


async def resolve_headers(secrets: Secrets, headers: Mapping[str, str]) -> dict[str, str]:
    """Give each header its value; raises `SecretMissing`, `StoreUnavailable`."""
    return {name: _checked(name, reference, await secrets.get(reference)) for name, reference in headers.items()}


def _checked(name: str, reference: str, value: str) -> str:
    """Give the value without the line feed that files and consoles leave; raises `SecretMissing` for what is none."""
    value = value.strip()
    if not value or _UNSENDABLE.search(value):
        raise SecretMissing(f"{reference}: its value is empty or holds a control character; {name} cannot be sent.")
    return value
