"""aiohttp's errors: every one has a category."""

import socket
import ssl

import aiohttp
import pytest

from runnel.adapters.http.failures import CATEGORIES, category_of, failure


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    """All classes below *kind*."""
    return {sub for direct in kind.__subclasses__() for sub in {direct, *subclasses(direct)}}


def test_no_error_of_aiohttp_is_without_a_category() -> None:
    """A new one after an upgrade must be thought about, not guessed."""
    known = tuple(kind for kind, _ in CATEGORIES)
    unmapped = {
        kind.__name__
        for kind in subclasses(aiohttp.ClientError)
        if kind.__module__.startswith("aiohttp") and not issubclass(kind, known)
    }

    assert unmapped == set()


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (UnicodeError("label too long"), "dns"),
        (ssl.SSLCertVerificationError("expired"), "tls"),
        (ConnectionRefusedError(), "connect"),
        (ConnectionResetError(), "connect"),
        (TimeoutError(), "timeout"),
        (aiohttp.ConnectionTimeoutError(), "timeout"),
        (aiohttp.ServerDisconnectedError(), "connect"),
        (aiohttp.ClientPayloadError("incomplete"), "protocol"),
    ],
)
def test_a_failure_keeps_its_kind(error: Exception, category: str) -> None:
    """The category decides whether it is tried again."""
    assert category_of(error) == category


def test_the_message_is_one_bounded_line_with_its_reason() -> None:
    """It stands in events and on a terminal."""
    message = failure(ValueError("a\nb" + "x" * 1000)).message

    assert "a b" in message
    assert len(message) < 400
