"""What a segment's events say, and what they say to a program that is older than they."""

import pytest

from runnel.domain.effects import events_of
from runnel.domain.segments import Segment
from runnel.errors import StateUnreadable


def test_an_event_of_a_newer_runnel_is_said_to_be_unreadable() -> None:
    """A step that guessed would leave out what it does not know."""
    segment = Segment(first=1, term=1, owner="D1", lines=(b'{"type":"of_tomorrow","seq":1}',))

    with pytest.raises(StateUnreadable):
        events_of(segment)
