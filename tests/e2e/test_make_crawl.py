"""The first command of the README, as a newcomer runs it."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path


def crawl_sample(project_root: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Run what `make crawl` runs, with its output elsewhere."""
    command = [sys.executable, "-m", "tools.crawl_sample", str(output)]
    return subprocess.run(command, cwd=project_root, capture_output=True, text=True, check=False, timeout=100)


def test_make_crawl_turns_the_sample_site_into_markdown(project_root: Path, tmp_path: Path) -> None:
    """If this fails, nobody will look any further."""
    ran = crawl_sample(project_root, tmp_path)
    pages = list((tmp_path / "sample" / "markdown").rglob("*.md"))

    assert ran.returncode == 0, ran.stderr
    assert len(pages) > 20
    assert f"{len(pages)} pages of Markdown are in {tmp_path / 'sample' / 'markdown'}" in ran.stderr


def test_make_crawl_touches_nothing_outside_its_folder(project_root: Path, tmp_path: Path) -> None:
    """A trial must not leave state in the user's data folder, nor anything else."""
    data_home = Path(os.environ["XDG_DATA_HOME"])  # noqa: TID251 - the folder that conftest put there
    before = {*data_home.rglob("*")}
    crawl_sample(project_root, tmp_path)

    assert {*data_home.rglob("*")} == before


def test_what_the_sample_site_is_served_with_is_installed_for_a_crawl(project_root: Path) -> None:
    """The other tests run where everything is installed; a newcomer's machine has only this."""
    files = [project_root / "tools" / "crawl_sample.py", *(project_root / "tests" / "site").glob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"runnel", "tests", "tools"}
    project = tomllib.loads((project_root / "pyproject.toml").read_text())
    installed = {re.split(r"[^a-z0-9-]", line)[0] for line in project["dependency-groups"]["site"]}

    assert foreign == installed
    assert (project_root / "tools" / "install.sh").read_text().count("--group site") == 2


def test_git_ignores_what_make_crawl_makes(project_root: Path) -> None:
    """`git status` stays clean after a first trial."""
    folder = re.search(r"^OUTPUT \?= (.+)$", (project_root / "Makefile").read_text(), re.MULTILINE)

    assert folder is not None
    assert f"/{folder[1]}/" in (project_root / ".gitignore").read_text().splitlines()
