"""Fixtures and rules that every test lives by.

* No test reaches beyond loopback: a foreign name does not resolve, and a foreign connection fails the test.
* No test sees the settings or the credentials of whoever runs it, nor writes into his data folder.
* A test's folder is its marker: integration, e2e, bench.
* A test has one name in every worker: binary parameters are numbered.
* The slow ones come first, or a worker would still be at one when the other has long had its last.
* Properties run with fixed examples; `make soak` searches long and at random.
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

FOLDER_MARKERS = ("integration", "e2e", "bench")
OWN_SETTINGS = ("RUNNEL_", "AWS_")
#: What keeps the AWS client from looking for credentials on its own.
NO_CREDENTIALS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
LOOPBACK_NAMES = frozenset({"", "localhost", "ip6-localhost", "localhost.localdomain"})

hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "soak", parent=hypothesis.settings.get_profile("ci"), derandomize=False, max_examples=5000, stateful_step_count=100
)
hypothesis.settings.load_profile("ci")


class ForeignConnection(AssertionError):
    """A test tried to leave the machine; no code under test may catch this as a network error."""


class _NetworkGuard:
    """An audit hook that cannot be taken out again, so it is switched."""

    closed = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.closed:
            return
        if event == "socket.getaddrinfo":
            self._resolve(arguments[0])
        elif event in {"socket.connect", "socket.sendto"}:
            self._connect(arguments[1])

    def _resolve(self, host: str | bytes | None) -> None:
        name = host.decode() if isinstance(host, bytes) else host or ""
        if not _is_local(name):
            raise socket.gaierror(socket.EAI_NONAME, f"tests resolve no foreign names: {name}")

    def _connect(self, address: Any) -> None:
        if isinstance(address, tuple) and not _is_local(str(address[0])):
            raise ForeignConnection(f"a test tried to reach {address[0]}")


def _is_local(host: str) -> bool:
    if host.rstrip(".").lower() in LOOPBACK_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


_guard = _NetworkGuard()
sys.addaudithook(_guard)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every test the marker of its folder, and the slow ones their place."""
    root = config.rootpath / "tests"
    for item in items:
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        if folder in FOLDER_MARKERS:
            item.add_marker(folder)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Number binary parameters: packed data holds the time of day, and all workers must call a test the same."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The default RUNNEL_HOME of a test, and of what it starts, lies in a temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        yield


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting and no credential of the caller reaches a test."""
    if request.node.get_closest_marker("aws"):
        return
    for name in [name for name in os.environ if name.startswith(OWN_SETTINGS)]:  # noqa: TID251 - to clean it
        monkeypatch.delenv(name)
    for name, value in NO_CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _only_loopback(request: pytest.FixtureRequest) -> Iterator[None]:
    """The network ends at this machine, unless a test is about AWS itself."""
    _guard.closed = request.node.get_closest_marker("aws") is None
    yield
    _guard.closed = False


@pytest.fixture
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent
