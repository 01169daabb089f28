"""The live display of a terminal: counts, rate, what is left, and the pages being fetched."""

from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from runnel.cli.backend import Json
from runnel.cli.display import progress_line, shown_url
from runnel.cli.tally import Tally
from runnel.cli.terminal import clean

_PAGES: Final = 5
_REDRAW_ON: Final = frozenset({"time_update", "pipeline_progress"})
_WARNINGS: Final = frozenset({"warning", "error"})


def can_redraw() -> bool:
    """Whether the terminal can move its cursor: on one that cannot (`TERM=dumb`) a live display shows nothing."""
    return not Console(stderr=True).is_dumb_terminal


class LiveDisplay:
    """Redraws a few lines at the bottom of the terminal; the clock of the events is its own."""

    def __init__(self, *, no_color: bool) -> None:
        """Begin to draw on standard error."""
        self._console = Console(stderr=True, no_color=no_color, highlight=False, markup=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, event: Json, tally: Tally) -> None:
        """Redraw on the events that come by the clock; say warnings above."""
        if event["type"] == "log" and event["level"] in _WARNINGS:
            self._console.print(Text(clean(f"{event['level']}: {event['message']}"), style="yellow"))
        if event["type"] in _REDRAW_ON:
            self._live.update(self._draw(tally), refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was; the summary follows."""
        self._live.stop()

    def _draw(self, tally: Tally) -> Group:
        width = max(20, self._console.width - 4)
        title = f"{tally.library_id}  {shown_url(tally.url, max(10, width - len(tally.library_id) - 2))}"
        pages = [Text(f"  {shown_url(url, width - 2)}", style="dim") for url in tally.current[:_PAGES]]
        bar = _bar(tally.percent, min(60, width))
        return Group(Text(title, style="bold"), bar, Text(progress_line(tally)), *pages)


def _bar(percent: float, width: int) -> Text:
    filled = round(width * min(100.0, percent) / 100)
    return Text.assemble(("\u2501" * filled, "green"), ("\u2501" * (width - filled), "dim"))
