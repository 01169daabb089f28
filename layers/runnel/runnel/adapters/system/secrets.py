"""The `Secrets` port over the environment of this process: for a laptop."""

import re
from collections.abc import Callable
from typing import Final

from runnel.errors import SecretMissing

_NOT_A_NAME: Final = re.compile(r"[^A-Z0-9_]")


class EnvironmentSecrets:
    """`env:NAME` is the variable NAME; `secret:a/b` is RUNNEL_SECRET_A_B, so that one job runs in both homes."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        """Ask *read* for a variable's value."""
        self._read = read

    async def get(self, reference: str) -> str:
        kind, _, name = reference.partition(":")
        variable = name if kind == "env" else f"RUNNEL_SECRET_{_NOT_A_NAME.sub('_', name.upper())}"
        value = self._read(variable)
        if value is None:
            raise SecretMissing(f"{reference}: the variable {variable} is not set where the job is driven.")
        return value
