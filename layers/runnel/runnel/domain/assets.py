"""Files that are no pages, as a job's log tells them: those found, and those of which their server was asked."""

from dataclasses import dataclass, field
from typing import Final

from runnel.domain import events as e
from runnel.domain.effects import Note
from runnel.domain.verdicts import RuledOut, SkipReason

#: No job asks about more files than these: the first that it found.
MOST_ASSETS: Final = 10_000
_ASSET: Final = SkipReason.ASSET.value


@dataclass(slots=True)
class Assets:
    """What a job knows of its files."""

    #: Each with the rule, the page that led to it, and its depth.
    found: dict[str, RuledOut] = field(default_factory=dict)
    measured: set[str] = field(default_factory=set)

    @property
    def unknown(self) -> list[RuledOut]:
        """Those of which nobody has been asked, in the order of their finding."""
        return [asset for url, asset in self.found.items() if url not in self.measured]

    def find(self, event: e.UrlsDiscovered, note: Note) -> None:
        """Take those that a page has led to, by links that may be followed."""
        shunned = note.get("shunned", ())
        for url, reason, rule in note.get("ruled_out", ()):
            if reason == _ASSET and url not in shunned and len(self.found) < MOST_ASSETS:
                depth, parent = event.depth + 1, event.source_url
                self.found[url] = RuledOut(url=url, reason=SkipReason.ASSET, rule=rule, parent=parent, depth=depth)

    def hear(self, note: Note) -> None:
        """Take those of which a server has been asked."""
        self.measured.update(asset["url"] for asset in note.get("assets", ()))
