"""Fresh names and randomness, injected so that tests can repeat them."""

from typing import Protocol


class Ids(Protocol):
    """Names that nobody else has, and jitter.

    Promises:

    * `job_id` sorts by the time of its making; letters and digits only;
    * `owner` is fresh for every call, never a request id [unique_owner].
    """

    def job_id(self) -> str:
        """A new job's id."""
        ...

    def owner(self) -> str:
        """A name for one run of a driver."""
        ...

    def secret(self) -> str:
        """An unguessable token, 256 bits, URL-safe."""
        ...

    def jitter(self) -> float:
        """A random number in [0, 1)."""
        ...
