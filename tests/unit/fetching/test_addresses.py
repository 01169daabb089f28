"""Which addresses may be connected to: the guard against requests into private networks."""

import pytest

from runnel.errors import ConfigInvalid
from runnel.fetching.addresses import SPECIAL_NAMES, is_public, is_special, parse_allowed_private, plain_host
from tests.support.conformance import conformance_rows


def test_every_row_of_the_address_table_is_judged_right() -> None:
    """One wrong row is a way to a cloud's credentials."""
    rows = conformance_rows("ssrf/addresses.jsonl")
    wrong = [row["ip"] for row in rows if is_public(row["ip"]) != (row["expected"] == "allow")]

    assert len(rows) >= 140
    assert wrong == []


@pytest.mark.parametrize(
    "address", ["", "localhost", "127.1", "0x7f000001", "2130706433", "::ffff:10.0.0.1", "168.63.129.16"]
)
def test_what_is_no_plain_public_address_is_blocked(address: str) -> None:
    """In doubt, no."""
    assert not is_public(address)


def test_a_mapped_address_is_judged_by_the_address_inside() -> None:
    """The system connects over IPv4 then."""
    assert is_public("::ffff:8.8.8.8")


def test_exceptions_are_single_hosts_with_ports() -> None:
    """The operator names exactly what is allowed."""
    allowed = parse_allowed_private("127.0.0.1:8080, [0:0::1]:9000,LOCALHOST:3000,")

    assert allowed == {("127.0.0.1", 8080), ("::1", 9000), ("localhost", 3000)}
    assert parse_allowed_private("") == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.0.0.0/8:80",
        "*:80",
        "10.0.0.1:*",
        "10.0.0.1-9:80",
        "h:0",
        "h:65536",
        "http://h:80",
        "h:80-90",
        "::1:80",
    ],
)
def test_ranges_and_wildcards_are_refused(text: str) -> None:
    """An exception that is wider than meant opens the network."""
    with pytest.raises(ConfigInvalid, match=r"127\.0\.0\.1:8080"):
        parse_allowed_private(text)


@pytest.mark.parametrize(("host", "plain"), [("[::1]", "::1"), ("[0::1]", "::1"), ("H.Example", "h.example")])
def test_hosts_are_compared_in_one_spelling(host: str, plain: str) -> None:
    """A URL writes an address otherwise than the setting."""
    assert plain_host(host) == plain


def test_names_of_private_networks_are_known_whatever_their_spelling() -> None:
    """A name server that answers for `metadata.google.internal` is not to be believed."""
    for name in SPECIAL_NAMES:
        assert is_special(name)
        assert is_special(f"a.{name.upper()}.")
    assert not any(map(is_special, ("localhost.example", "mylocal", "internal.docs.example", "docs.alternative")))
