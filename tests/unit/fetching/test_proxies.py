"""A proxy is read from what an operator types, and its password is shown nowhere."""

import pytest

from runnel.errors import ConfigInvalid
from runnel.fetching.proxies import Proxy, hide_password, parse_proxy


def test_a_proxy_is_a_host_and_a_port_and_perhaps_a_password() -> None:
    """Signs of a password are percent-encoded in a URL, and are not in the header."""
    assert parse_proxy(" http://proxy.example.com:3128/ ") == Proxy(host="proxy.example.com", port=3128)
    assert str(parse_proxy("http://[::1]:8080")) == "[::1]:8080"
    assert parse_proxy("http://ann:p%40ss%3A%C3%BC@10.0.0.1:1").authorization == "Basic YW5uOnBAc3M6w7w="
    assert parse_proxy("http://ann@10.0.0.1:1").authorization == "Basic YW5uOg=="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "proxy",
        "ann:s3cret@proxy:1",
        "http://ann:s3cret@proxy",
        "http://ann:s3cret@:1",
        "http://ann:s3cret@proxy:99999",
        "http://ann:s3cret@proxy:1/path",
        "http://ann:s3cret@proxy:1?x",
        "https://ann:s3cret@proxy:1",
        "socks5://ann:s3cret@proxy:1",
        "http://ann:s3cret@pro\nxy:1",
        "http://[ann:s3cret@proxy:1",
    ],
)
def test_what_is_none_is_refused_without_its_password(text: str) -> None:
    """The sentence goes to terminals and bug reports."""
    with pytest.raises(ConfigInvalid, match="is no proxy; give one like") as refusal:
        parse_proxy(text)

    assert "s3cret" not in refusal.value.message


def test_a_password_is_not_shown() -> None:
    """Not by the object, and not by `runnel config`."""
    proxy = parse_proxy("http://ann:s3cret@proxy:1")

    assert "s3cret" not in repr(proxy) + str(proxy)
    assert (proxy.authorization or "") not in repr(proxy)
    assert hide_password("http://ann:s3cret@proxy:1") == "http://********@proxy:1"
    assert hide_password("http://proxy:1") == "http://proxy:1"
