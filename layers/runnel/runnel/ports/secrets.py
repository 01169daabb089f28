"""What the references in a job's headers stand for."""

from typing import Protocol

from runnel.errors import SecretMissing


class Secrets(Protocol):
    """Looks up secrets by reference.

    Promises every adapter keeps (tests/unit/adapters/test_secrets.py):

    * only what the operator has named or set can be reached;
    * a value is never logged, and stands in no error.
    """

    async def get(self, reference: str) -> str:
        """The value of `env:NAME` or `secret:NAME`.

        Raises:
            SecretMissing: there is none, or it may not be read here.
            StoreUnavailable: nobody knows at the moment.
        """
        ...


class NoSecrets:
    """A home without secrets."""

    async def get(self, reference: str) -> str:
        """Raise `SecretMissing`."""
        raise SecretMissing(f"{reference}: there are no secrets here.")
