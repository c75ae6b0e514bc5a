"""Twelve days across two changes of the clocks; `make year` lets a whole year pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.year.reckoning import YearCheck
from tests.year.story import run_year

START = datetime(2026, 3, 26, tzinfo=UTC)
"""Europe's clocks change on the 29th, Australia's and Chile's on April 5th."""


async def test_days_of_news_come_as_the_calendar_says(tmp_path: Path) -> None:
    away = [(START + timedelta(days=2, hours=20), START + timedelta(days=3, hours=6))]
    year = await run_year(tmp_path, start=START, days=12, subscriptions=10, cards=80, away=away)
    assert YearCheck(year).list_complaints() == {}
    assert len(year.posts) > 50
    assert year.edits
    assert year.retractions
