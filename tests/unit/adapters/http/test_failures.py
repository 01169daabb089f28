"""What goes wrong below HTTP has a category."""

import socket
import ssl

import pytest

from runnel.adapters.http.failures import category_of, failure
from runnel.adapters.http.guard import AddressRefused


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (UnicodeError("label too long"), "dns"),
        (ssl.SSLCertVerificationError("expired"), "tls"),
        (ConnectionRefusedError(), "connect"),
        (ConnectionResetError(), "connect"),
        (TimeoutError(), "timeout"),
        (ssl.SSLEOFError("cut in the handshake"), "tls"),
        (AddressRefused("10.0.0.1 is not public"), "blocked_address"),
        (OSError("no route to host"), "connect"),
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
