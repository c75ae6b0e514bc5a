"""What /status shows."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.render.limits import FIELD_VALUE
from bot.render.status import BotStatus, render_status
from bot.store.leader import LeaderState
from bot.store.outbox.queue import QueueState

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
QUIET = QueueState(waiting=0, oldest=None, quarantined=0, errors=())


def _last_load(leader: LeaderState) -> str:
    embed = render_status(BotStatus(QUIET, (), leader))
    return next(field.value or "" for field in embed.fields if field.name == "Last load")


def test_the_time_of_the_last_load_is_one_that_discord_shows() -> None:
    assert _last_load(LeaderState(NOW, loaded_at=NOW)).startswith(f"<t:{NOW.timestamp():.0f}:R>: 0 cards")


def test_the_reason_of_a_failed_load_is_shown_as_it_is_and_cut() -> None:
    text = _last_load(LeaderState(NOW, loaded_at=NOW, load_trouble="*what* " * 1000))
    assert "<t:" in text
    assert "*what* *what*" not in text
    assert len(text) <= FIELD_VALUE
