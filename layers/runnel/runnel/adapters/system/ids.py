"""Fresh names from the system's randomness."""

import secrets

from runnel.ports.clock import Clock

#: Crockford's base 32: no letter that reads like a digit; in the order of their bytes, so that names sort.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_LETTERS = 10
_RANDOM_LETTERS = 12


class SystemIds:
    """`Ids` that nobody else draws; the job ids of one process also sort by their making."""

    def __init__(self, clock: Clock) -> None:
        """Take the time from *clock*."""
        self._clock = clock
        self._last_ms = 0

    def job_id(self) -> str:
        self._last_ms = max(self._last_ms + 1, int(self._clock.now().timestamp() * 1000))
        return _base32(self._last_ms, _TIME_LETTERS) + _base32(secrets.randbits(5 * _RANDOM_LETTERS), _RANDOM_LETTERS)

    def owner(self) -> str:
        return secrets.token_hex(12)

    def secret(self) -> str:
        return secrets.token_urlsafe(32)

    def jitter(self) -> float:
        return secrets.randbits(53) / (1 << 53)


def _base32(number: int, letters: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(letters)))
