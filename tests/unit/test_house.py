"""The rules of the house that no linter knows."""

import ast
import os
import re
import socket
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tools.lock_constraints import constraints

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "runnel" / "runnel"
MAX_LINES = 400
#: Modules that may be longer, each with its reason.
LONG_MODULES: dict[str, str] = {
    "layers/runnel/runnel/domain/events.py": "the event vocabulary is one union, and is read as one list",
    "tests/e2e/test_http.py": "one suite over two homes that take seconds to start: its tests share them",
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc"}
TEST_FOLDERS = {"unit", "contract", "integration", "e2e", "bench", "site", "data", "support"}
#: What is pure: nothing here touches the world outside.
PURE = {"domain", "ports", "usecases", "fetching", "robots", "extraction", "search", "streaming"}


def modules() -> list[Path]:
    """Every Python file of ours."""
    folders = [PACKAGE, ROOT / "functions", ROOT / "tests", ROOT / "tools"]
    files = (path for folder in folders for path in folder.rglob("*.py"))
    # The benchmark keeps other crawlers in a hidden folder.
    return sorted(path for path in files if not any(part.startswith((".", "__pyc")) for part in path.parts))


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contract(name: str) -> dict[str, Any]:
    """The import contract of that name."""
    contracts: list[dict[str, Any]] = project()["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["name"] == name)


def package_folders() -> set[str]:
    """The folders of the package that hold code."""
    return {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    """The ugliest file of every codebase is one that grew because nothing stopped it."""
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    too_long = {name for name, length in lengths.items() if length > MAX_LINES}

    assert too_long == set(LONG_MODULES)


def test_no_module_has_a_name_that_says_nothing() -> None:
    """What has no better name belongs to something that has."""
    found = [path for path in modules() if NAMES_THAT_SAY_NOTHING & {path.stem, *path.relative_to(ROOT).parts[:-1]}]

    assert found == []


def test_tests_stand_in_the_folder_of_their_kind() -> None:
    """A folder is a marker: a test elsewhere would run with the wrong ones."""
    names = (path.relative_to(ROOT / "tests").parts for path in (ROOT / "tests").rglob("test_*.py"))
    found = {
        parts[0] for parts in names if ".cache" not in parts
    }  # packages that quality is measured on have some, too

    assert found <= TEST_FOLDERS


def drawn_tree() -> set[tuple[str, str]]:
    """The (parent, child) pairs drawn in the docstring of errors.py."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / "errors.py").read_text())) or ""
    lines = [match for match in map(re.compile(r"^([ │├└─]*)([A-Z]\w+)").match, docstring.splitlines()) if match]
    drawn = [(len(match[1]), match[2]) for match in lines if match[1].strip() or match[2] == "RunnelError"]
    return set(_parents(drawn))


def _parents(drawn: list[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    path = [drawn[0]]
    for depth, name in drawn[1:]:
        while path[-1][0] >= depth:
            path.pop()
        yield path[-1][1], name
        path.append((depth, name))


def test_every_error_stands_in_the_drawn_tree() -> None:
    """Whoever catches an error reads the tree to know what else it catches."""
    classes = [node for node in ast.parse((PACKAGE / "errors.py").read_text()).body if isinstance(node, ast.ClassDef)]
    written = {(base.id, node.name) for node in classes for base in node.bases if isinstance(base, ast.Name)}

    assert written - {("Exception", "RunnelError")} == drawn_tree()


def test_every_folder_of_the_package_has_its_place_among_the_layers() -> None:
    """A folder that no contract knows could import anything."""
    layers = contract("Dependencies point inwards")["layers"]
    known = {name.strip("() ") for layer in layers for name in layer.split("|")}

    assert package_folders() - {"testing"} <= known


def test_every_pure_folder_is_held_to_purity() -> None:
    """The contract names folders one by one, and a new one is easily forgotten."""
    held = {
        name.removeprefix("runnel.") for name in contract("Only adapters touch the outside world")["source_modules"]
    }

    assert package_folders() & PURE <= held


def test_the_checks_target_the_oldest_python_and_admit_that_of_lambda() -> None:
    """Newer syntax would pass here and break on a user's machine."""
    settings = project()
    oldest = settings["project"]["requires-python"].removeprefix(">=")
    runtime = re.search(r"python3\.(\d+)", (ROOT / "template.yaml").read_text())

    assert settings["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert settings["tool"]["mypy"]["python_version"] == oldest
    assert runtime is not None
    assert int(runtime[1]) >= int(oldest.removeprefix("3."))


def test_the_layer_is_pinned_to_the_versions_of_the_lock() -> None:
    """What is deployed is what was tested."""
    requirements = ROOT / "layers" / "runnel" / "requirements.txt"
    lock = constraints(tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8")))
    pins = re.findall(r"^[a-z0-9][\w.-]*==[^\s;\\]+", requirements.read_text(), re.MULTILINE)

    assert pins
    assert set(pins) <= {line.partition(" ;")[0] for line in lock}


def test_constraints_name_every_resolution_of_a_package() -> None:
    """Without uv, pip must come to the versions of the lock on every Python."""
    lock = {
        "package": [
            {"name": "one", "version": "1.0", "source": {"registry": "r"}},
            {"name": "two", "version": "1.0", "source": {"registry": "r"}, "resolution-markers": ["old"]},
            {"name": "two", "version": "2.0", "source": {"registry": "r"}, "resolution-markers": ["new", "newest"]},
            {"name": "ours", "version": "0.1.0", "source": {"editable": "."}},
        ]
    }

    assert constraints(lock) == ["one==1.0", "two==1.0 ; old", "two==2.0 ; new", "two==2.0 ; newest"]


def test_a_test_cannot_reach_beyond_this_machine() -> None:
    """A suite that needs the network is red when the network is, and tells strangers that it runs."""
    with socket.socket() as outgoing, pytest.raises(AssertionError, match="tried to reach"):
        outgoing.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("docs.example.com", 443)


def test_a_test_can_reach_its_own_server() -> None:
    """The guard must not forbid what tests are made of: real servers on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            peer = client.getpeername()

        assert peer == server.getsockname()


@pytest.mark.xdist_group("house")
def test_tests_that_share_a_costly_fixture_run_in_one_worker(request: pytest.FixtureRequest) -> None:
    """pytest-xdist reads the group from the end of a name; where that is lost, each worker starts each home."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("there are no workers that take groups")

    assert request.node.nodeid.endswith("@house")


def test_a_test_sees_no_setting_of_its_caller() -> None:
    """A developer's token or data folder must not decide a test, nor be touched by it."""
    found = {name for name in os.environ if name.startswith(("RUNNEL_", "AWS_"))}  # noqa: TID251 - it is the subject

    assert found == {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}


def test_the_changed_order_of_layers_would_be_noticed() -> None:
    """The contracts are data: a careless edit could turn the picture round."""
    order = [layer.split(" ")[0] for layer in contract("Dependencies point inwards")["layers"]]
    down = ["cli", "local", "wiring", "usecases", "ports", "fetching", "domain", "errors"]

    assert all(order.index(upper) < order.index(lower) for upper, lower in pairwise(down))
