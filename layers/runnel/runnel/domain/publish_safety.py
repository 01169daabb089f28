"""Whether a crawl's result may become what the library shows: the limits past which it is held.

Laws:
1. Only a library that has something to lose is protected: the first result of a source is never held.
2. A page that has moved, to another address or under another's, has not gone.
3. An address that answers 404 or 410 counts among the pages that would go, if it was one, and not as a failure: links
   that lead nowhere say nothing about the pages that were found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Shares past which a result is held.
MOST_GONE: Final = 0.20
MOST_FAILED: Final = 0.20
MOST_EMPTY: Final = 0.10

LIMITS: Final[Mapping[str, float]] = {"gone": MOST_GONE, "failed": MOST_FAILED, "empty": MOST_EMPTY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What publishing a result would cost, and how the crawl went."""

    #: Pages of the crawled sources in the generation before, and how many of them would go.
    old: int
    gone: int
    #: Pages that were asked for and are kept, that failed, and that came without text.
    good: int
    failed: int
    empty: int

    @property
    def shares(self) -> dict[str, float]:
        """Each share that has a limit, rounded as it is told."""
        return {
            "gone": _share(self.gone, self.old),
            "failed": _share(self.failed, self.good + self.failed + self.empty),
            "empty": _share(self.empty, self.good + self.empty),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a result is held: a sentence, and each limit that was passed with the share that did."""

    reason: str
    limits: Mapping[str, float]


def decide_hold(toll: Toll) -> Hold | None:
    """The reason to hold a result back, or None."""
    if not toll.old:
        return None
    passed = {name: share for name, share in toll.shares.items() if share > LIMITS[name]}
    if not passed:
        return None
    reason = "; ".join(_SENTENCES[name].format(toll=toll, limit=f"{LIMITS[name]:.0%}") for name in passed)
    limits = {key: value for name, share in passed.items() for key, value in _told(name, share)}
    return Hold(reason=reason, limits=limits)


_SENTENCES: Final = {
    "gone": "{toll.gone} of {toll.old} pages would go (limit {limit})",
    "failed": "{toll.failed} pages failed beside {toll.good} good ones (limit {limit})",
    "empty": "{toll.empty} pages came out empty beside {toll.good} good ones (limit {limit})",
}


def _told(name: str, share: float) -> tuple[tuple[str, float], tuple[str, float]]:
    return (name, round(share, 4)), (f"{name}_limit", LIMITS[name])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
