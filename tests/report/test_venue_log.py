"""Venue log: every kind of event that a venue writes is known to the reader."""

from __future__ import annotations

from seawall.report import venue_log
from seawall.venue import events


def test_every_kind_of_the_venue_s_events_can_be_read():
    assert set(venue_log.KINDS) == set(events.KINDS)
