"""What channel managers do, and what the channels then hold."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import discord

from bot.store.cards.search_rebuild import REBUILD
from tests.support.deliveries import due_channels
from tests.support.deliveries import next_delivery as head_of
from tests.support.stage import open_stage
from tests.support.stores import store_zone


async def test_a_subscribed_channel_gets_each_new_card_once_oldest_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("before")
        await stage.subscribe_channel()
        stage.write_card("b", publishedDateTime="2026-06-01T11:00:00Z")
        stage.write_card("a", publishedDateTime="2026-06-01T10:30:00Z")
        await stage.load_cards()
        await stage.load_cards()
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == ["Title of a", "Title of b"]


async def test_topics_and_quality_choose(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel(topics="rust, space", min_quality=50)
        await stage.load_cards("python")
        await stage.load_cards("rust", topics="[Rust]")
        await stage.load_cards("weak", topics="[Space]", quality=10)
        assert stage.list_titles() == ["Title of rust"]


async def test_a_post_follows_its_card(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        await stage.load_cards("one", title="A better title")
        assert stage.list_titles() == ["A better title"]
        await stage.load_cards("one", title="A better title", heat=150, quality=140, secured="abc==;xyz==")
        requests = stage.env.http_requests
        edits = [each for each in requests if each.method == "PATCH" and each.path.startswith("/channels/")]
        assert len(edits) == 1
        (stage.folder / "one.md").unlink()
        await stage.load_cards()
        assert stage.list_titles() == ["A better title"]
        stage.clock.advance(seconds=5)
        await stage.load_cards()
        assert stage.list_titles() == []


async def test_a_moderator_who_deletes_a_post_is_respected(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        channel = stage.bot.get_channel(stage.news.id)
        assert isinstance(channel, discord.TextChannel)
        await channel.get_partial_message(stage.list_posts()[0].id).delete()
        await stage.load_cards("one", title="A better title")
        await stage.load_cards("one", title="An even better title")
        assert stage.list_titles() == []


async def test_what_arrived_before_a_crash_is_adopted(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        poster = stage.bot.pipeline.courier._sender
        posted = poster.post_message

        async def dies_after_sending(*args: object) -> int:
            await posted(*args)  # type: ignore[arg-type]
            raise SystemError("the process ends here")

        poster.post_message = dies_after_sending  # type: ignore[assignment]
        stage.write_card("one")
        stage.clock.advance(seconds=1)
        await stage.bot.worker.load_cards()
        (channel,) = await due_channels(stage.bot.store, stage.clock())
        delivery = await head_of(stage.bot.store, channel, stage.clock())
        assert delivery is not None
        with contextlib.suppress(SystemError):
            await stage.bot.pipeline.courier._deliver(delivery)
        await stage.restart_bot()
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == ["Title of one"]


async def test_a_channel_where_the_bot_cannot_post_is_refused_with_the_fix(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        locked = stage.guild.create_text_channel(
            "locked", overwrites={stage.guild.me: discord.PermissionOverwrite(send_messages=False)}
        )
        result = await stage.subscribe_channel(locked)
        assert "**Send Messages**" in result.response.content


async def test_subscriptions_are_listed_completed_and_removed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel(topics="Python")
        await stage.subscribe_channel(stage.digest)
        assert "already" in (await stage.subscribe_channel(topics="Python")).response.content
        listed = await stage.admin.slash(stage.news, "digest list")
        assert f"<#{stage.digest.id}>" in (listed.response.embeds[0].description or "")
        choices = await stage.admin.autocomplete(stage.news, "digest remove", "subscription", "digest")
        assert [choice["name"] for choice in choices] == ["#digest: every topic, as they come in"]
        await stage.admin.slash(stage.news, "digest remove", subscription=choices[0]["value"])
        again = await stage.admin.slash(stage.news, "digest remove", subscription=choices[0]["value"])
        assert "can't find that subscription" in again.response.content
        await stage.load_cards("one")
        assert stage.list_titles(stage.digest) == []
        assert stage.list_titles() == ["Title of one"]


async def test_another_servers_subscription_cannot_be_removed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        rights = discord.Permissions(manage_channels=True)
        other = stage.env.create_guild("Other")
        channel = other.create_text_channel("theirs")
        role = other.create_role("Admins", permissions=rights)
        stranger: Any = other.add_member(stage.env.create_user("stranger"), roles=[role])
        result = await stranger.slash(channel, "digest remove", subscription="1")
        assert "can't find that subscription" in result.response.content


async def test_a_manager_of_one_channel_cannot_subscribe_another(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        own = stage.guild.create_text_channel(
            "own", overwrites={stage.member: discord.PermissionOverwrite(manage_channels=True)}
        )
        refused = await stage.member.slash(own, "digest subscribe", channel=stage.news)
        assert "**Manage Channels**" in refused.response.content
        allowed = await stage.member.slash(own, "digest subscribe", channel=own)
        assert "gets new cards from now on" in allowed.response.content
        (subscription,) = await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)
        assert subscription.channel_id == own.id


async def test_check_names_what_is_missing_and_where_to_give_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        locked = stage.guild.create_text_channel(
            "locked", overwrites={stage.guild.me: discord.PermissionOverwrite(embed_links=False)}
        )
        await stage.bot.store.subscriptions.add_subscription(
            guild_id=stage.guild.id, channel_id=locked.id, created_by=stage.admin.id, now=stage.clock()
        )
        await stage.bot.store.subscriptions.add_subscription(
            guild_id=stage.guild.id, channel_id=404, created_by=stage.admin.id, now=stage.clock()
        )
        result = await stage.admin.slash(stage.news, "digest check")
        lines = (result.response.embeds[0].description or "").splitlines()
        assert "**Embed Links**" in lines[0]
        assert "it was deleted" in lines[1]
        assert lines[2] == f"✅ <#{stage.news.id}>: I can post here"


async def test_a_channel_that_closes_is_told_about_once_and_heals_by_itself(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel(stage.digest)
        stage.env.inject_error("POST", f"/channels/{stage.digest.id}/messages", status=403, code=50013, times=2)
        await stage.load_cards("one")
        stage.clock.advance(minutes=5)
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles(stage.digest) == []
        stage.clock.advance(hours=2)
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles(stage.digest) == ["Title of one"]
        assert await stage.bot.store.outbox.circuits.list_all() == []


async def test_status_is_for_the_bots_owners_alone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        rights = discord.Permissions(administrator=True)
        role = stage.guild.create_role("Root", permissions=rights)
        stranger = stage.guild.add_member(stage.env.create_user("root"), roles=[role])
        refused = await stranger.slash(stage.news, "status")
        assert "bot's owners" in refused.response.content
        stage.bot.owner_id = stranger.id
        shown = await stranger.slash(stage.news, "status")
        assert next(field.name for field in shown.response.embeds[0].fields) == "Queue"
        await stage.load_cards("one", "two")
        await stage.bot.store.key_values.set_value(REBUILD, str(2**62))
        shown = await stranger.slash(stage.news, "status")
        assert "2 cards are still to be indexed" in str(shown.response.embeds[0].to_dict())


async def test_a_time_zone_that_this_machine_does_not_know_is_named_wherever_one_looks_and_mended_by_an_edit(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.subscribe_channel(stage.digest, when="daily", at="9:00", timezone="Europe/Berlin")
        daily = (await stage.bot.store.subscriptions.list_for_guild(stage.guild.id))[1]
        await store_zone(stage.bot.store.subscriptions._database, daily.id, "Mars/Olympus")
        stage.clock.advance(days=1)
        await stage.load_cards("one", publishedDateTime=f"{stage.clock():%FT%TZ}")
        assert stage.list_titles() == ["Title of one"]
        role = stage.guild.create_role("Root", permissions=discord.Permissions(administrator=True))
        root = stage.guild.add_member(stage.env.create_user("root"), roles=[role])
        stage.bot.owner_id = root.id
        for command in ("digest list", "digest check", "status"):
            shown = await root.slash(stage.news, command)
            assert "Mars/Olympus" in str(shown.response.embeds[0].to_dict()), command
        selected = {"subscription": str((await stage.bot.store.subscriptions.list_for_guild(stage.guild.id))[1].id)}
        refused = await stage.admin.slash(stage.news, "digest now", **selected)
        assert "Mars/Olympus" in refused.response.content
        refused = await stage.admin.slash(stage.news, "digest edit", max_cards=5, **selected)
        assert "I don't know the time zone “Mars/Olympus”" in refused.response.content
        await stage.admin.slash(stage.news, "digest edit", timezone="Europe/Berlin", **selected)
        stage.clock.advance(days=1)
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles(stage.digest) == ["Title of one"]
        shown = await stage.admin.slash(stage.news, "digest check")
        assert "⚠️" not in str(shown.response.embeds[0].to_dict())


async def test_now_says_when_a_digest_comes_to_a_channel_that_is_quiet(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel(stage.digest, when="daily", at="9:00", timezone="UTC")
        await stage.admin.slash(
            stage.news, "digest quiet", channel=stage.digest, **{"from": "10:00", "to": "20:00"}, timezone="UTC"
        )
        await stage.load_cards("one")
        selected = {"subscription": str((await stage.bot.store.subscriptions.list_for_guild(stage.guild.id))[0].id)}
        text = await stage.admin.slash(stage.news, "digest now", **selected)
        end = stage.clock().replace(hour=20, minute=0, second=0, microsecond=0)
        assert f"A digest of 1 card comes <t:{int(end.timestamp())}:R>" in text.response.content
        again = await stage.admin.slash(stage.news, "digest now", **selected)
        assert "Nothing new since" in again.response.content
        assert stage.list_titles(stage.digest) == []
        stage.clock.now = end
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles(stage.digest) == ["Title of one"]
