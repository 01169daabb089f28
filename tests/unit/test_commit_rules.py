"""Every rule of the commit model is held by a test of ours that is named after it."""

import ast
import importlib.util
from pathlib import Path

import pytest

from tests.support.commit_rules import CLAIMS

MODEL = Path("../shared/design/model/commit_model.py")


def _tests_of(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [name for name in functions if name.startswith("test_")]


@pytest.mark.parametrize("rule", sorted(CLAIMS))
def test_a_claimed_rule_has_a_test_of_its_name(project_root: Path, rule: str) -> None:
    """A claim without a test proves nothing."""
    missing = [file for file in CLAIMS[rule] if not any(f"_{rule}" in name for name in _tests_of(project_root / file))]

    assert CLAIMS[rule]
    assert missing == []


def test_every_rule_of_the_model_is_claimed(project_root: Path) -> None:
    """A rule that nobody holds is a way to lose a job."""
    file = project_root / MODEL
    if not file.is_file():
        pytest.skip("the design's model is not beside this checkout")
    spec = importlib.util.spec_from_file_location("commit_model", file)
    assert spec is not None
    assert spec.loader is not None
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)

    assert set(CLAIMS) == set(model.RULES)
