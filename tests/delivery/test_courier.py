"""The courier against a poster that fails as told: what the table says afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.delivery.poster import CardRefusedError, ChannelClosedError, TryLaterError
from tests.support.desk import Desk, a_desk

CHANNEL = 5


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path, max_age_days=3650) as desk:
        await desk.store.subscriptions.add(guild_id=1, channel_id=CHANNEL, created_by=2, now=desk.clock())
        yield desk


async def test_cards_arrive_once_oldest_first(desk: Desk) -> None:
    for hour in (3, 1, 2):
        desk.write(f"card{hour}", publishedDateTime=f"2026-06-01T0{hour}:00:00Z")
    await desk.deliver()
    await desk.deliver()
    assert desk.channels.titles == ["Title of card1", "Title of card2", "Title of card3"]
    assert await desk.due() is None


async def test_a_failed_post_waits_and_holds_back_the_younger_cards(desk: Desk) -> None:
    desk.channels.fail = [TryLaterError("503")]
    desk.write("a", publishedDateTime="2026-06-01T01:00:00Z")
    desk.write("b", publishedDateTime="2026-06-01T02:00:00Z")
    await desk.deliver()
    assert desk.channels.titles == []
    await desk.deliver(minutes=1)
    assert desk.channels.titles == ["Title of a", "Title of b"]


async def test_discords_own_waiting_time_is_respected(desk: Desk) -> None:
    desk.channels.fail = [TryLaterError("429", timedelta(hours=1))]
    desk.write("a")
    await desk.deliver()
    due = await desk.due()
    assert due is not None
    assert due - desk.clock() >= timedelta(hours=1)


async def test_an_answer_lost_after_the_message_arrived_gives_one_message(desk: Desk) -> None:
    desk.channels.lose_answer = True
    desk.write("a")
    await desk.deliver()
    await desk.deliver(minutes=1)
    assert desk.channels.titles == ["Title of a"]
    assert desk.channels.calls.count("post") == 1
    assert await desk.due() is None


async def test_a_closed_channel_keeps_its_cards_for_later(desk: Desk) -> None:
    desk.channels.fail = [ChannelClosedError("50013")] * 3
    desk.write("a")
    await desk.deliver()
    desk.write("b", publishedDateTime="2026-06-01T11:00:00Z")
    await desk.deliver(minutes=1)
    await desk.deliver(minutes=1)
    assert desk.channels.titles == []
    assert len(desk.channels.told) == 1
    await desk.deliver(hours=2)
    await desk.deliver(hours=2)
    assert desk.channels.titles == ["Title of a", "Title of b"]
    assert desk.channels.told[1:] == ["<#5> gets its cards again."]


async def test_a_refused_picture_is_left_out_once(desk: Desk) -> None:
    desk.channels.fail = [CardRefusedError("embeds.0.image.url", picture=True)]
    desk.write("a")
    await desk.deliver()
    assert desk.channels.titles == ["Title of a"]
    assert desk.channels.calls == ["post", "find", "post"] or desk.channels.calls == ["post", "post"]


async def test_a_refused_card_is_set_aside_until_it_changes(desk: Desk) -> None:
    desk.channels.fail = [CardRefusedError("50035")]
    desk.write("a", publishedDateTime="2026-06-01T01:00:00Z")
    desk.write("b", publishedDateTime="2026-06-01T02:00:00Z")
    await desk.deliver()
    await desk.deliver(hours=5)
    assert desk.channels.titles == ["Title of b"]
    desk.write("a", publishedDateTime="2026-06-01T01:00:00Z", title="Mended")
    await desk.deliver()
    assert "Mended" in desk.channels.titles


async def test_many_changes_while_discord_is_down_become_one_edit(desk: Desk) -> None:
    desk.write("a")
    await desk.deliver()
    desk.channels.fail = [TryLaterError("503")]
    for version in range(3):
        desk.write("a", title=f"Version {version} of it")
        await desk.deliver(milliseconds=1)
    await desk.deliver(minutes=1)
    assert desk.channels.titles == ["Version 2 of it"]
    assert desk.channels.calls == ["post", "edit", "edit", "edit"] or desk.channels.calls == ["post", "edit", "edit"]


async def test_a_card_withdrawn_before_it_was_posted_is_never_posted(desk: Desk) -> None:
    desk.channels.fail = [ChannelClosedError("50001")]
    desk.write("a")
    await desk.deliver()
    desk.write("a", removed="true")
    await desk.deliver(hours=1)
    assert desk.channels.titles == []
    assert await desk.due() is None


async def test_a_card_withdrawn_and_published_again_is_posted_again(desk: Desk) -> None:
    desk.write("a")
    await desk.deliver()
    desk.write("a", removed="true")
    await desk.deliver()
    assert desk.channels.titles == []
    desk.write("a")
    await desk.deliver()
    assert len(desk.channels.messages) == 1


async def test_a_post_whose_file_takes_publication_back_is_blanked_and_comes_back(desk: Desk) -> None:
    desk.write("a")
    await desk.deliver()
    desk.write("a", published="false", heat=-1)
    await desk.deliver()
    assert desk.channels.titles == [""]
    desk.write("a")
    await desk.deliver()
    assert desk.channels.titles == ["Title of a"]
    assert desk.channels.calls == ["post", "edit", "edit"]


async def test_a_message_that_a_moderator_deleted_stays_deleted(desk: Desk) -> None:
    desk.write("a")
    await desk.deliver()
    desk.channels.messages.clear()
    desk.write("a", title="Edited")
    await desk.deliver()
    desk.write("a", title="Edited again")
    await desk.deliver()
    assert desk.channels.calls == ["post", "edit"]


async def test_heat_quality_and_secured_alone_send_nothing(desk: Desk) -> None:
    desk.write("a")
    await desk.deliver()
    desk.write("a", heat=180, quality=160, secured="something;else")
    await desk.deliver()
    assert desk.channels.calls == ["post"]


EVOLUTION = Path(__file__).parents[2].parent / "shared" / "corpus" / "cards" / "evolution"


@pytest.mark.skipif(not EVOLUTION.is_dir(), reason="the corpus of real cards is not here")
@pytest.mark.parametrize(
    "path", sorted(EVOLUTION.iterdir()) if EVOLUTION.is_dir() else [], ids=lambda path: path.name[:40]
)
async def test_a_real_cards_rewrites_give_at_most_one_post(desk: Desk, path: Path) -> None:
    """Versions are ordered by the number in their names; all of them are written to one path in turn."""
    versions = sorted(path.iterdir(), key=lambda version: version.stem.rsplit("__", 1)[1])
    for version in versions:
        (desk.folder / "card.md").write_bytes(version.read_bytes())
        desk.clock.move(hours=2)
        await desk.newsroom.load(accept_withdrawals=True)
        await desk.newsroom.tick()
        assert len(desk.channels.messages) <= 1
    assert desk.channels.calls.count("post") <= 1


async def test_younger_cards_behind_one_that_waits_do_not_keep_the_courier_awake(desk: Desk) -> None:
    desk.channels.fail = [TryLaterError("503", timedelta(hours=1))]
    desk.write("a", publishedDateTime="2026-06-01T01:00:00Z")
    desk.write("b", publishedDateTime="2026-06-01T02:00:00Z")
    await desk.deliver()
    due = await desk.due()
    assert due is not None
    assert due - desk.clock() >= timedelta(hours=1)
