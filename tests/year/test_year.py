"""Some weeks across a change of the clocks; `make year` lets a whole year pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.year.reckoning import Reckoning
from tests.year.story import pass_by

START = datetime(2026, 3, 20, tzinfo=UTC)
"""Europe's clocks change on the 29th, Australia's and Chile's on April 5th."""


async def test_weeks_of_news_come_as_the_calendar_says(tmp_path: Path) -> None:
    away = [(START + timedelta(days=8, hours=20), START + timedelta(days=9, hours=6))]
    year = await pass_by(tmp_path, start=START, days=18, subscriptions=10, cards=70, away=away)
    assert Reckoning(year).complaints() == []
    assert len(year.posts) > 100
    assert year.edits
    assert year.retractions
