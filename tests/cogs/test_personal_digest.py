"""Members' own digests: by direct message, at their own times, and nobody else's business."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.domain.subscription import Subscription
from tests.support.stage import BotStage, button_ids, open_stage

MORNING = datetime(2026, 6, 2, 6, 0, 1, tzinfo=UTC)
"""Eight o'clock in Berlin on the next day."""
BERLIN = {"topic": "Space", "at": "8:00", "timezone": "Europe/Berlin"}


def direct_messages(stage: BotStage, person: Any = None) -> list[discord.Message]:
    """What the bot has written to somebody, oldest first."""
    return list((person or stage.member).user.dm_channel.history())


def list_digests(stage: BotStage, person: Any = None) -> list[discord.Message]:
    return [message for message in direct_messages(stage, person) if message.embeds]


async def find_own_digest(stage: BotStage, person: Any = None) -> Subscription | None:
    return await stage.bot.store.subscriptions.find_for_member((person or stage.member).id, stage.guild.id)


async def run_until(stage: BotStage, moment: datetime) -> None:
    stage.clock.now = moment
    await stage.bot.pipeline.plan_and_deliver()


async def test_a_digest_comes_at_the_members_own_time_with_what_they_follow(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        result = await stage.member.slash(stage.news, "follow", **BERLIN)
        assert result.ephemeral
        assert "**Space** here: a direct message daily at 08:00 (Europe/Berlin)" in result.response.content
        await stage.load_cards("rocket", topics="[Space]")
        await stage.load_cards("snake", topics="[Python]")
        await run_until(stage, MORNING.replace(hour=5))
        assert list_digests(stage) == []
        await run_until(stage, MORNING)
        (digest,) = list_digests(stage)
        assert [embed.title for embed in digest.embeds] == ["Title of rocket"]
        assert stage.list_posts() == stage.list_posts(stage.digest) == []
        await run_until(stage, MORNING.replace(hour=9))
        assert len(list_digests(stage)) == 1


async def test_later_topics_join_the_same_digest_and_keep_its_times(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("rocket", topics="[Space]")
        await stage.member.slash(stage.news, "follow", **BERLIN)
        before = await find_own_digest(stage)
        result = await stage.member.slash(stage.news, "follow", topic=" Python ")
        assert "**Python, Space** here: a direct message daily at 08:00 (Europe/Berlin)" in result.response.content
        assert "No card has the topic **Python**" in result.response.content
        after = await find_own_digest(stage)
        assert before
        assert after
        assert (after.id, after.next_digest_at, after.new_after) == (before.id, before.next_digest_at, before.new_after)
        moved = await stage.member.slash(stage.news, "follow", topic="Space", at="9:30")
        assert "daily at 09:30 (Europe/Berlin)" in moved.response.content
        again = await stage.member.slash(stage.news, "follow", topic="space")
        assert "You're already following that" in again.response.content
        assert len(direct_messages(stage)) == 1


async def test_words_and_publishers_hold_for_all_that_a_member_follows_until_they_are_taken_off(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        filtered = await stage.member.slash(
            stage.news, "follow", **BERLIN, words='rockets, "no such"', providers="example"
        )
        assert 'With rockets, "no such" · only from example' in filtered.response.content
        for slug in ("rocket", "comet"):
            await stage.load_cards(slug, topics="[Space]")
        await stage.load_cards("other", topics="[Space]", title="A rocket", provider="{name: Other}")
        await run_until(stage, MORNING)
        (digest,) = list_digests(stage)
        assert [embed.title for embed in digest.embeds] == ["Title of rocket"]
        again = await stage.member.slash(stage.news, "follow", topic="Space", words="all", providers="all")
        assert "only from" not in again.response.content


async def test_the_zone_is_the_servers_when_none_is_given(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.bot.store.subscriptions.guild_settings.set_timezone(stage.guild.id, "Asia/Tokyo")
        result = await stage.member.slash(stage.news, "follow", topic="Space")
        assert "daily at 08:00 (Asia/Tokyo)" in result.response.content


async def test_what_makes_no_sense_is_refused_in_words_and_stores_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for options, words in (
            ({"topic": "Space", "at": "25:00"}, "25:00"),
            ({"topic": "Space", "timezone": "Mars/Olympus"}, "Mars/Olympus"),
            ({"topic": "   "}, "Enter a topic"),
        ):
            result = await stage.member.slash(stage.news, "follow", **options)
            assert words in result.response.content, options
            assert "went wrong" not in result.response.content
        assert await find_own_digest(stage) is None
        assert direct_messages(stage) == []
        for command, options in (("following", {}), ("unfollow", {"topic": "Space"})):
            result = await stage.member.slash(stage.news, command, **options)
            assert "You aren't following anything here" in result.response.content


@pytest.mark.slow
async def test_no_more_topics_than_one_can_read_about(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(25):
            await stage.member.slash(stage.news, "follow", topic=f"Topic {number}")
        result = await stage.member.slash(stage.news, "follow", topic="One more")
        assert "You can follow up to" in result.response.content


async def test_the_last_topic_ends_the_digest_and_what_waits_for_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.member.slash(stage.news, "follow", topic="Python")
        assert [c["name"] for c in await stage.member.autocomplete(stage.news, "unfollow", "topic", "sp")] == ["Space"]
        assert await stage.admin.autocomplete(stage.news, "unfollow", "topic", "") == []
        left = await stage.member.slash(stage.news, "unfollow", topic="SPACE")
        assert "You're no longer following **SPACE**.\nYou're following **Python** here" in left.response.content
        wrong = await stage.member.slash(stage.news, "unfollow", topic="Space")
        assert "You aren't following that. You're following **Python**" in wrong.response.content
        last = await stage.member.slash(stage.news, "unfollow", topic="Python")
        assert "so your digest has ended" in last.response.content
        assert await find_own_digest(stage) is None
        await stage.load_cards("snake", topics="[Python]")
        await run_until(stage, MORNING)
        assert list_digests(stage) == []


async def test_the_servers_people_neither_see_nor_manage_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        own_items = await find_own_digest(stage)
        assert own_items
        assert await stage.bot.store.subscriptions.list_for_guild(stage.guild.id) == []
        assert await stage.admin.autocomplete(stage.news, "digest edit", "subscription", "") == []
        for command in ("list", "check"):
            assert "No subscriptions yet" in (await stage.admin.slash(stage.news, f"digest {command}")).response.content
        for command in ("pause", "remove", "preview", "now"):
            result = await stage.admin.slash(stage.news, f"digest {command}", subscription=str(own_items.id))
            assert "I can't find that subscription" in result.response.content
        assert await find_own_digest(stage) == own_items


async def test_each_member_has_their_own(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.admin.slash(stage.news, "follow", topic="Python", timezone="Europe/Berlin")
        refused = await stage.admin.slash(stage.news, "unfollow", topic="Space")
        assert "You aren't following that" in refused.response.content
        await stage.load_cards("rocket", topics="[Space]")
        await stage.load_cards("snake", topics="[Python]")
        await run_until(stage, MORNING)
        for person, title in ((stage.member, "Title of rocket"), (stage.admin, "Title of snake")):
            (digest,) = list_digests(stage, person)
            assert [embed.title for embed in digest.embeds] == [title]


async def test_it_brings_what_the_server_sees_and_its_buttons_work(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("held", published="false", topics="[Space]")
        await stage.load_cards("hidden", topics="[Space]")
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.admin.slash(stage.news, "desk publish", card="held")
        await stage.admin.slash(stage.news, "desk withdraw", card="hidden", reason="x")
        await run_until(stage, MORNING)
        (digest,) = list_digests(stage)
        assert [embed.title for embed in digest.embeds] == ["Title of held"]
        saved = await stage.member.user.select(digest, values=["1"])
        assert "Saved 1 card" in saved.response.content
        why = await stage.member.user.click(digest, label="Why these?")
        assert "Title of held" in str(why.response.embeds[0].to_dict())
        assert "Why these?" in button_ids(digest)
        await stage.admin.slash(stage.news, "desk withdraw", card="held", reason="wrong")
        await stage.bot.pipeline.plan_and_deliver()
        assert list_digests(stage) == []


async def test_a_message_whose_answer_was_lost_is_looked_for_before_it_is_sent_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        stage.env.inject_error("POST", f"/channels/{stage.member.user.dm_channel.id}/messages", status=500)
        await run_until(stage, MORNING)
        assert list_digests(stage) == []
        await stage.restart_bot()
        await run_until(stage, MORNING.replace(hour=7))
        assert len(list_digests(stage)) == 1
        assert any(
            request.method == "GET" and request.path.endswith("/messages") for request in stage.env.http_requests
        )


def refuse_once(stage: BotStage, method: str, path: str) -> None:
    """Discord does not let the bot write to the member, once."""
    where = path.format(stage.member.user.dm_channel.id)
    stage.env.inject_error(method, where, status=403, code=50007, message="Cannot send messages to this user")


async def test_closed_messages_let_it_rest_and_only_the_member_hears_of_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.env.backend.guilds[stage.guild.id].system_channel_id = stage.news.id
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        refuse_once(stage, "POST", "/channels/{}/messages")
        await run_until(stage, MORNING)
        resting = await find_own_digest(stage)
        assert resting
        assert (resting.paused, resting.next_digest_at) == (True, None)
        assert list(stage.news.history()) == []
        assert len(direct_messages(stage)) == 1
        assert len(await stage.bot.store.outbox.circuits.list_all()) == 1
        assert await stage.bot.store.outbox.circuits.list_for_guilds() == []
        other = await stage.admin.slash(stage.news, "latest")
        assert other.followups == []
        reply = await stage.member.slash(stage.news, "latest")
        (line,) = reply.followups
        assert "Resume it with `/following`" in line.content
        assert line.ephemeral
        assert (await stage.member.slash(stage.news, "latest")).followups == []
        await run_until(stage, MORNING.replace(day=4))
        assert list_digests(stage) == []
        resumed = await stage.member.slash(stage.news, "following")
        assert "You're following **Space** here" in resumed.response.content
        await stage.load_cards("probe", topics="[Space]", publishedDateTime="2026-06-04T05:00:00Z")
        await run_until(stage, MORNING.replace(day=5))
        (digest,) = list_digests(stage)
        assert [embed.title for embed in digest.embeds] == ["Title of probe"]
        assert list(stage.news.history()) == []


async def test_whose_messages_are_closed_is_told_how_to_open_them(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        refuse_once(stage, "POST", "/channels/{}/messages")
        result = await stage.member.slash(stage.news, "follow", **BERLIN)
        assert "Privacy Settings" in result.response.content
        assert await find_own_digest(stage) is None


@pytest.mark.slow
async def test_a_correction_that_closed_messages_do_not_take_is_tried_again_and_told_to_nobody(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.env.backend.guilds[stage.guild.id].system_channel_id = stage.news.id
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        await run_until(stage, MORNING)
        await stage.member.slash(stage.news, "unfollow", topic="Space")
        refuse_once(stage, "PATCH", "/channels/{}/messages/*")
        await stage.load_cards("rocket", topics="[Space]", title="Mended")
        assert [embed.title for embed in list_digests(stage)[0].embeds] == ["Title of rocket"]
        stage.clock.advance(days=1)
        await stage.bot.pipeline.plan_and_deliver()
        assert [embed.title for embed in list_digests(stage)[0].embeds] == ["Mended"]
        assert list(stage.news.history()) == []


async def test_erasing_ends_it_and_forgets_its_messages(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        await run_until(stage, MORNING)
        data = json.loads(stage.file_of(await stage.member.slash(stage.news, "privacy export")))
        assert [row["topic"] for row in data["followed_topics"]] == ["Space"]
        assert [row["card"] for row in data["message_cards"]] == ["rocket"]
        assert (len(data["messages"]), data["subscriptions_created"]) == (1, [])
        requests = await stage.member.slash(stage.news, "privacy erase")
        assert "1 personal digest, 1 record of a direct message" in requests.response.content
        await stage.member.click(requests.response, label="Erase it")
        assert await find_own_digest(stage) is None
        after = json.loads(stage.file_of(await stage.member.slash(stage.news, "privacy export")))
        assert not any(value for kind, value in after.items() if isinstance(value, list))
        await run_until(stage, MORNING.replace(day=3))
        assert len(list_digests(stage)) == 1


async def test_a_digest_can_be_stopped_where_it_comes_also_after_a_restart(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        await run_until(stage, MORNING)
        (digest,) = list_digests(stage)
        await stage.restart_bot()
        stopped = await stage.member.user.click(digest, label="Stop")
        assert "Resume it with `/following` in the server" in stopped.response.content
        resting = await find_own_digest(stage)
        assert resting
        assert (resting.paused, resting.next_digest_at) == (True, None)
        again = await stage.member.user.click(digest, label="Stop")
        assert "already ended" in again.response.content
        await stage.load_cards("probe", topics="[Space]", publishedDateTime="2026-06-02T09:00:00Z")
        await run_until(stage, MORNING.replace(day=3))
        assert len(list_digests(stage)) == 1
        await stage.member.slash(stage.news, "following")
        await run_until(stage, MORNING.replace(day=4))
        assert len(list_digests(stage)) == 2


async def test_nobody_else_stops_a_members_digest(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        await run_until(stage, MORNING)
        (digest,) = list_digests(stage)
        delivery_id = int(button_ids(digest)["Stop"].rpartition(":")[2])
        assert await stage.bot.store.subscriptions.personal_digests.guild_of_delivery(stage.admin.id, delivery_id) == 0


@pytest.mark.slow
async def test_whoever_left_the_server_gets_no_more_of_its_digest_and_discord_is_asked_once_a_day(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        poster, requests = stage.bot.pipeline._sender, []
        is_member = poster.is_member

        async def counting(guild_id: int, user_id: int) -> bool:
            requests.append(stage.clock())
            return await is_member(guild_id, user_id)

        poster.is_member = counting  # type: ignore[method-assign]
        await stage.member.slash(stage.news, "follow", topic="Space", at="8:00, 12:00", timezone="UTC")
        for hour in (7, 11):
            await stage.load_cards(
                f"rocket{hour}", topics="[Space]", title=f"Rocket number {hour} flies", provider=f"{{name: P{hour}}}"
            )
            await run_until(stage, MORNING.replace(hour=hour + 1))
        assert len(list_digests(stage)) == 2
        assert len(requests) == 1
        del stage.env.backend.guilds[stage.guild.id].members[stage.member.id]
        await stage.load_cards("probe", topics="[Space]", publishedDateTime="2026-06-02T20:00:00Z")
        await run_until(stage, MORNING.replace(day=3, hour=8))
        assert len(list_digests(stage)) == 2
        assert len(requests) == 2
        resting = await stage.bot.store.subscriptions.find_for_member(stage.member.id, stage.guild.id)
        assert resting
        assert resting.paused
        await run_until(stage, MORNING.replace(day=5))
        assert len(requests) == 2


async def test_a_digest_is_in_the_language_that_its_member_speaks_now(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.member.slash(stage.news, "follow", **BERLIN)
        await stage.load_cards("rocket", topics="[Space]")
        stage.locales[stage.member.id] = "de"
        await stage.member.slash(stage.news, "latest")
        await run_until(stage, MORNING)
        (digest,) = list_digests(stage)
        assert "Tagesüberblick" in digest.content
        assert "Anhalten" in button_ids(digest)
        stage.locales[stage.member.id] = "en-US"
        await stage.member.user.click(digest, label="Anhalten")
        spoken = await find_own_digest(stage)
        assert spoken
        assert spoken.language == "en"
