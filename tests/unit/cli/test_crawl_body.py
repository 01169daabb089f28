"""What `runnel crawl` asks for, and what it says that it does by itself."""

import re
from typing import Any

import click
import pytest

from runnel.cli.crawl import _announce, crawl, make_body
from runnel.cli.options import Call
from runnel.domain.jobs import JobOptions

URL = "https://docs.example.com/"
#: Options of the command that are no options of a job.
OWN = {
    "remote", "as_json", "quiet", "verbose", "no_color", "library", "output", "no_output", "wait",
    "allow_private", "proxy", "file", "urls",
}  # fmt: skip


def test_every_option_of_a_job_has_a_flag() -> None:
    """But `metadata`, which HTTP alone can give."""
    flags = {parameter.name for parameter in crawl.params} - OWN

    assert flags == JobOptions.model_fields.keys() - {"metadata"}


def test_the_defaults_that_help_prints_are_those_of_a_job() -> None:
    """They are written out there, so that `--help` need not load the program."""
    for parameter in crawl.params:
        assert isinstance(parameter, click.Option | click.Argument)
        shown = re.search(r"\[default: ([^\]]+)\]", getattr(parameter, "help", "") or "")
        field = JobOptions.model_fields.get(parameter.name or "")
        if shown and field and field.default is not None and parameter.name != "steps":
            assert shown[1] == f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


@pytest.mark.parametrize(
    ("url", "steps", "said"),
    [
        ("http://h/", {}, "Crawling http://h/ into library docs"),
        ("http://h/", {"steps": ["download"]}, "Crawling http://h/ into library docs"),
        ("http://h/", {"steps": ["process", "index"]}, "Processing what was downloaded for library docs"),
        (None, {"steps": ["index"]}, "Indexing library docs"),
    ],
)
def test_what_begins_is_said(url: str | None, steps: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A step that asks no site does not say that it crawls one."""
    _announce(Call(), {"url": url, "library_id": "docs", "job_id": "j"}, steps)

    assert capsys.readouterr().err == f"{said} (job j)\n"


def test_lists_on_the_command_line_become_lists_of_the_job() -> None:
    """As HTTP takes them."""
    options = {"steps": "download, process", "headers": ("Authorization: env:TOKEN", "X-Y:secret:z")}
    body = make_body(Call(), [URL], options, {})

    assert body["steps"] == ["download", "process"]
    assert body["headers"] == {"Authorization": "env:TOKEN", "X-Y": "secret:z"}


def test_a_value_in_a_header_is_refused_and_never_repeated() -> None:
    """It would stand in the log of whoever ran it."""
    with pytest.raises(click.UsageError) as refused:
        make_body(Call(), [URL], {"headers": ("X-Key: sesame",)}, {})

    assert "env:NAME or secret:NAME" in refused.value.message
    assert "sesame" not in refused.value.message


def test_a_header_without_a_name_is_usage() -> None:
    """Before anything is asked for."""
    with pytest.raises(click.UsageError, match="NAME: env:VARIABLE"):
        make_body(Call(), [URL], {"headers": ("nothing",)}, {})


def test_flags_win_over_the_settings_file_and_zero_is_a_value() -> None:
    """`--limit 0` must be refused by the job, not dropped on the way."""
    given = {"limit": 0, "delay_s": None, "dry_run": False, "include": (), "exclude": ("/x/**",)}
    body = make_body(Call(), [URL], given, {"limit": 7, "delay_s": 1.5})

    assert body == {"limit": 0, "delay_s": 1.5, "exclude": ["/x/**"], "urls": [URL]}


@pytest.mark.parametrize(("urls", "options"), [([], {}), ([URL], {"robots": "ignore"})])
def test_what_cannot_be_asked_for_is_usage(urls: list[str], options: dict[str, Any]) -> None:
    """Nothing to crawl; a robots.txt ignored without a reason."""
    with pytest.raises(click.UsageError):
        make_body(Call(), urls, options, {})
