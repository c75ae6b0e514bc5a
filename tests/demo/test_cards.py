"""The demo's folder: the sample cards as they are, but for the line of their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cards.model import CardState
from bot.demo.cards import ASSET_BASE, SampleFeed, find_sample_data, load_pictures
from bot.settings import Settings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _changed_lines(before: Path, after: Path) -> list[bytes]:
    pairs = zip(before.read_bytes().splitlines(), after.read_bytes().splitlines(), strict=True)
    return [new for old, new in pairs if old != new]


def test_only_the_time_is_rewritten_and_every_card_gets_its_turn(tmp_path: Path) -> None:
    data = find_sample_data()
    feed = SampleFeed(data, tmp_path)
    feed.write_archive(NOW)
    while feed.pending:
        feed.write_next(NOW)
    originals = sorted((data / "cards").glob("*.md"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in originals]
    for original in originals:
        (line,) = _changed_lines(original, tmp_path / original.name)
        age = NOW - datetime.fromisoformat(line.decode().removeprefix("publishedDateTime: "))
        assert timedelta(0) <= age < timedelta(days=Settings.model_fields["max_age_days"].default)


def test_the_archive_leaves_published_and_held_cards_for_later(tmp_path: Path) -> None:
    feed = SampleFeed(find_sample_data(), tmp_path)
    feed.write_archive(NOW)
    first = list(feed.write_published(6, NOW))
    assert [card.state for card in first if card] == [CardState.PUBLISHED] * 6
    rest = [feed.write_next(NOW) for _ in range(len(feed.pending))]
    assert {card.state for card in rest if card} == {CardState.PUBLISHED, CardState.HELD}
    assert feed.write_next(NOW) is None


def test_pictures_stand_at_the_addresses_that_the_cards_name() -> None:
    found = load_pictures(find_sample_data())
    name, content = found[f"{ASSET_BASE}/assets/images/cards/mars.jpg"]
    assert name == "mars.jpg"
    assert content.startswith(b"\xff\xd8\xff")
