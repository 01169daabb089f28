"""`runnel config`: every setting, its value, and where it came from."""

from dataclasses import asdict
from pathlib import Path

import click

from runnel.cli.jobs import show_rows
from runnel.cli.options import Call, example, shared


@click.command(epilog=example("runnel config"))
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Settings.  [default: runnel.toml]"
)
@shared
def config(call: Call, /, file: Path | None) -> None:
    """Show the settings and where each came from; secrets are masked."""
    settings = call.settings(file=file)
    rows = [asdict(setting) for setting in settings.shown]
    rows += [
        {"name": f"crawl.{name}", "value": str(value), "origin": str(file or "runnel.toml")}
        for name, value in settings.crawl.items()
    ]
    show_rows(call, rows, ("name", "value", "origin"), "settings")
