"""The courier against a poster that fails on command: what the table says afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.delivery.sender import CardRefusedError, ChannelClosedError, RetryLaterError
from tests.support.worker import WorkerHarness, open_harness

CHANNEL = 5


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path, max_age_days=3650) as harness:
        await harness.store.subscriptions.add_subscription(
            guild_id=1, channel_id=CHANNEL, created_by=2, now=harness.clock()
        )
        yield harness


async def test_cards_arrive_once_oldest_first(harness: WorkerHarness) -> None:
    for hour in (3, 1, 2):
        harness.write_card(f"card{hour}", publishedDateTime=f"2026-06-01T0{hour}:00:00Z")
    await harness.deliver_due()
    await harness.deliver_due()
    assert harness.channels.titles == ["Title of card1", "Title of card2", "Title of card3"]
    assert await harness.next_due() is None


async def test_a_failed_post_waits_and_holds_back_the_younger_cards(harness: WorkerHarness) -> None:
    harness.channels.fail = [RetryLaterError("503")]
    harness.write_card("a", publishedDateTime="2026-06-01T01:00:00Z")
    harness.write_card("b", publishedDateTime="2026-06-01T02:00:00Z")
    await harness.deliver_due()
    assert harness.channels.titles == []
    await harness.deliver_due(minutes=1)
    assert harness.channels.titles == ["Title of a", "Title of b"]


async def test_discords_own_waiting_time_is_respected(harness: WorkerHarness) -> None:
    harness.channels.fail = [RetryLaterError("429", timedelta(hours=1))]
    harness.write_card("a")
    await harness.deliver_due()
    due = await harness.next_due()
    assert due is not None
    assert due - harness.clock() >= timedelta(hours=1)


async def test_an_answer_lost_after_the_message_arrived_gives_one_message(harness: WorkerHarness) -> None:
    harness.channels.lose_answer = True
    harness.write_card("a")
    await harness.deliver_due()
    await harness.deliver_due(minutes=1)
    assert harness.channels.titles == ["Title of a"]
    assert harness.channels.calls.count("post") == 1
    assert await harness.next_due() is None


async def test_a_closed_channel_keeps_its_cards_for_later(harness: WorkerHarness) -> None:
    harness.channels.fail = [ChannelClosedError("50013")] * 3
    harness.write_card("a")
    await harness.deliver_due()
    harness.write_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    await harness.deliver_due(minutes=1)
    await harness.deliver_due(minutes=1)
    assert harness.channels.titles == []
    assert len(harness.channels.notices) == 1
    await harness.deliver_due(hours=2)
    await harness.deliver_due(hours=2)
    assert harness.channels.titles == ["Title of a", "Title of b"]
    assert harness.channels.notices[1:] == ["<#5> is receiving cards again."]


async def test_a_refused_picture_is_left_out_once(harness: WorkerHarness) -> None:
    harness.channels.fail = [CardRefusedError("embeds.0.image.url", picture=True)]
    harness.write_card("a")
    await harness.deliver_due()
    assert harness.channels.titles == ["Title of a"]
    assert [delivery.without_images for delivery, _ in harness.channels.posted[CHANNEL]] == [True]
    assert harness.channels.calls == ["post", "find", "post"] or harness.channels.calls == ["post", "post"]


async def test_a_card_that_is_refused_without_its_picture_too_is_set_aside(harness: WorkerHarness) -> None:
    harness.channels.fail = [CardRefusedError("embeds.0.image.url", picture=True)] * 5
    harness.write_card("a")
    await harness.deliver_due()
    await harness.deliver_due(hours=5)
    assert harness.channels.calls.count("post") == 2


async def test_a_refused_card_is_set_aside_until_it_changes(harness: WorkerHarness) -> None:
    harness.channels.fail = [CardRefusedError("50035")]
    harness.write_card("a", publishedDateTime="2026-06-01T01:00:00Z")
    harness.write_card("b", publishedDateTime="2026-06-01T02:00:00Z")
    await harness.deliver_due()
    await harness.deliver_due(hours=5)
    assert harness.channels.titles == ["Title of b"]
    harness.write_card("a", publishedDateTime="2026-06-01T01:00:00Z", title="Mended")
    await harness.deliver_due()
    assert "Mended" in harness.channels.titles


async def test_many_changes_while_discord_is_down_become_one_edit(harness: WorkerHarness) -> None:
    harness.write_card("a")
    await harness.deliver_due()
    harness.channels.fail = [RetryLaterError("503")]
    for version in range(3):
        harness.write_card("a", title=f"Version {version} of it")
        await harness.deliver_due(milliseconds=1)
    await harness.deliver_due(minutes=1)
    assert harness.channels.titles == ["Version 2 of it"]
    assert harness.channels.calls == ["post", "edit", "edit", "edit"] or harness.channels.calls == [
        "post",
        "edit",
        "edit",
    ]


async def test_a_card_withdrawn_before_it_was_posted_is_never_posted(harness: WorkerHarness) -> None:
    harness.channels.fail = [ChannelClosedError("50001")]
    harness.write_card("a")
    await harness.deliver_due()
    harness.write_card("a", removed="true")
    await harness.deliver_due(hours=1)
    assert harness.channels.titles == []
    assert await harness.next_due() is None


async def test_a_card_withdrawn_and_published_again_is_posted_again(harness: WorkerHarness) -> None:
    harness.write_card("a")
    await harness.deliver_due()
    harness.write_card("a", removed="true")
    await harness.deliver_due()
    assert harness.channels.titles == []
    harness.write_card("a")
    await harness.deliver_due()
    assert len(harness.channels.messages) == 1


async def test_a_post_whose_file_takes_publication_back_is_blanked_and_comes_back(harness: WorkerHarness) -> None:
    harness.write_card("a")
    await harness.deliver_due()
    harness.write_card("a", published="false", heat=-1)
    await harness.deliver_due()
    assert harness.channels.titles == [""]
    harness.write_card("a")
    await harness.deliver_due()
    assert harness.channels.titles == ["Title of a"]
    assert harness.channels.calls == ["post", "edit", "edit"]


async def test_a_message_that_a_moderator_deleted_stays_deleted(harness: WorkerHarness) -> None:
    harness.write_card("a")
    await harness.deliver_due()
    harness.channels.messages.clear()
    harness.write_card("a", title="Edited")
    await harness.deliver_due()
    harness.write_card("a", title="Edited again")
    await harness.deliver_due()
    assert harness.channels.calls == ["post", "edit"]


async def test_heat_quality_and_secured_alone_send_nothing(harness: WorkerHarness) -> None:
    harness.write_card("a")
    await harness.deliver_due()
    harness.write_card("a", heat=180, quality=160, secured="something;else")
    await harness.deliver_due()
    assert harness.channels.calls == ["post"]


EVOLUTION = Path(__file__).parents[2].parent / "shared" / "corpus" / "cards" / "evolution"


@pytest.mark.skipif(not EVOLUTION.is_dir(), reason="the corpus of real cards is not here")
@pytest.mark.parametrize(
    "path", sorted(EVOLUTION.iterdir()) if EVOLUTION.is_dir() else [], ids=lambda path: path.name[:40]
)
async def test_a_real_cards_rewrites_give_at_most_one_post(harness: WorkerHarness, path: Path) -> None:
    """Versions are ordered by the number in their names; all of them are written to one path in turn."""
    versions = sorted(path.iterdir(), key=lambda version: version.stem.rsplit("__", 1)[1])
    for version in versions:
        (harness.folder / "card.md").write_bytes(version.read_bytes())
        harness.clock.advance(hours=2)
        await harness.worker.load_cards(accept_withdrawals=True)
        await harness.pipeline.plan_and_deliver()
        assert len(harness.channels.messages) <= 1
    assert harness.channels.calls.count("post") <= 1


async def test_younger_cards_behind_one_that_waits_do_not_keep_the_courier_awake(harness: WorkerHarness) -> None:
    harness.channels.fail = [RetryLaterError("503", timedelta(hours=1))]
    harness.write_card("a", publishedDateTime="2026-06-01T01:00:00Z")
    harness.write_card("b", publishedDateTime="2026-06-01T02:00:00Z")
    await harness.deliver_due()
    due = await harness.next_due()
    assert due is not None
    assert due - harness.clock() >= timedelta(hours=1)
