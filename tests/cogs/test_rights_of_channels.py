"""Whose subscriptions a person may touch: the rights of its own channel count, cached or not, typed wherever it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.domain.subscription import Frequency, SubscriptionOptions
from tests.support.play import open_commands
from tests.support.stage import BotStage, open_stage

PEOPLE = ("member", "talker", "manager", "overseer", "insider", "administrator")
"""The talker manages #talk alone, where everything is typed; the overseer manages threads as well; the insider is a
manager, and a member of the private thread."""
MANAGERS = frozenset({"manager", "overseer", "insider", "administrator"})
OF_A_PRIVATE_THREAD = MANAGERS - {"manager"}
OF_WHAT_IS_HIDDEN = frozenset({"overseer", "administrator"})
COMMANDS: dict[str, dict[str, str]] = {
    "preview": {},
    "why": {"card": "card:1"},
    "edit": {"topics": "Space"},
    "now": {},
    "pause": {},
    "resume": {},
    "remove": {},
}
REFUSED = "You need the **Manage Channels** permission in"


@dataclass
class ChannelWorld:
    stage: BotStage
    talk: Any
    people: dict[str, Any]

    @property
    def guild(self) -> discord.Guild:
        guild = self.stage.bot.get_guild(self.stage.guild.id)
        assert guild
        return guild

    def make_channel(self, place: Any) -> discord.TextChannel:
        found = self.stage.bot.get_channel(place.id)
        assert isinstance(found, discord.TextChannel)
        return found

    async def make_thread(self, kind: discord.ChannelType) -> discord.Thread:
        made = await self.make_channel(self.stage.news).create_thread(name="thread", type=kind)
        if kind is discord.ChannelType.private_thread:
            await made.add_user(discord.Object(self.people["insider"].id))
        return made

    def forget_channel(self, channel: Any) -> None:
        if isinstance(channel, discord.Thread):
            self.guild._remove_thread(channel)
        else:
            self.guild._remove_channel(channel)
        assert self.guild.get_channel_or_thread(channel.id) is None


Place = Callable[[ChannelWorld], Awaitable[int]]


async def _cached(world: ChannelWorld) -> int:
    return int(world.stage.news.id)


async def _uncached(world: ChannelWorld) -> int:
    side = world.stage.guild.create_text_channel("side")
    world.forget_channel(world.make_channel(side))
    return int(side.id)


async def _archived(world: ChannelWorld) -> int:
    thread = await world.make_thread(discord.ChannelType.public_thread)
    await thread.edit(archived=True)
    if world.guild.get_thread(thread.id):
        world.forget_channel(thread)
    return thread.id


async def _private(world: ChannelWorld) -> int:
    return (await world.make_thread(discord.ChannelType.private_thread)).id


async def _private_uncached(world: ChannelWorld) -> int:
    thread = await world.make_thread(discord.ChannelType.private_thread)
    world.forget_channel(thread)
    return thread.id


async def _hidden(world: ChannelWorld) -> int:
    thread = await world.make_thread(discord.ChannelType.private_thread)
    world.forget_channel(thread)
    path = f"/channels/{thread.id}"
    world.stage.env.inject_error("GET", path, status=403, code=50001, message="Missing Access", times=10_000)
    return thread.id


async def _deleted(_world: ChannelWorld) -> int:
    return 404


async def _another_servers(world: ChannelWorld) -> int:
    other = world.stage.env.create_guild("Other")
    return int(other.create_text_channel("elsewhere").id)


PLACES: dict[str, tuple[Place, frozenset[str]]] = {
    "cached": (_cached, MANAGERS),
    "uncached": (_uncached, MANAGERS),
    "archived": (_archived, MANAGERS),
    "private": (_private, OF_A_PRIVATE_THREAD),
    "private, uncached": (_private_uncached, OF_A_PRIVATE_THREAD),
    "hidden": (_hidden, OF_WHAT_IS_HIDDEN),
    "deleted": (_deleted, MANAGERS),
    "another server's": (_another_servers, MANAGERS),
}


async def _world(stage: BotStage) -> ChannelWorld:
    guild, may = stage.guild, discord.Permissions
    roles = {
        "manager": may(manage_channels=True),
        "overseer": may(manage_channels=True, manage_threads=True),
        "insider": may(manage_channels=True),
        "administrator": may(administrator=True),
    }
    people = {"member": stage.member}
    for name in PEOPLE[1:]:
        granted = [guild.create_role(name, permissions=roles[name])] if name in roles else []
        people[name] = guild.add_member(stage.env.create_user(name), roles=granted)
    overwrite = discord.PermissionOverwrite(manage_channels=True, manage_threads=True, mention_everyone=True)
    talk = guild.create_text_channel("talk", overwrites={people["talker"]: overwrite})
    await stage.load_cards("one")
    await open_commands(stage)
    return ChannelWorld(stage, talk, people)


def _reply_text(result: Any) -> str:
    return "\n".join(str(each.content) for each in (result.response, *result.followups) if each)


@pytest.mark.parametrize("name", PLACES)
async def test_the_rights_of_the_subscriptions_own_channel_count(tmp_path: Path, name: str) -> None:
    async with open_stage(tmp_path) as stage:
        world = await _world(stage)
        place, allowed = PLACES[name]
        channel = await place(world)
        add, subscriptions = stage.bot.store.subscriptions.add_subscription, stage.bot.store.subscriptions
        daily = SubscriptionOptions(frequency=Frequency.DAILY)
        made = await add(guild_id=stage.guild.id, channel_id=channel, created_by=1, now=stage.clock(), options=daily)
        for who in PEOPLE:
            if who in allowed:
                continue
            before = await subscriptions.list_for_guild(stage.guild.id)
            for command, options in COMMANDS.items():
                reply = _reply_text(
                    await world.people[who].slash(world.talk, f"digest {command}", subscription=str(made.id), **options)
                )
                assert REFUSED in reply, (who, command, reply)
            assert await subscriptions.list_for_guild(stage.guild.id) == before, who
        for who in sorted(allowed):
            for command, options in COMMANDS.items():
                if command == "remove" and who != max(allowed):
                    continue
                reply = _reply_text(
                    await world.people[who].slash(world.talk, f"digest {command}", subscription=str(made.id), **options)
                )
                assert REFUSED not in reply, (who, command, reply)
                assert "went wrong" not in reply, (who, command, reply)
        assert await subscriptions.list_for_guild(stage.guild.id) == []


@pytest.mark.parametrize("name", [name for name in PLACES if name not in ("deleted", "another server's", "cached")])
async def test_a_channel_that_is_not_cached_is_not_called_gone(tmp_path: Path, name: str) -> None:
    async with open_stage(tmp_path) as stage:
        world = await _world(stage)
        channel = await PLACES[name][0](world)
        await stage.bot.store.subscriptions.add_subscription(
            guild_id=stage.guild.id, channel_id=channel, created_by=1, now=stage.clock()
        )
        checked = await stage.admin.slash(world.talk, "digest check")
        description = str(checked.response.embeds[0].description)
        assert f"<#{channel}>" in description
        assert "it was deleted" not in description
        assert ("I can't see it" in description) is (name == "hidden")


CAN_MENTION: dict[str, tuple[discord.Permissions, bool, bool]] = {
    # the person's permissions, whether anyone may mention the role, whether the person then can have it done
    "a manager": (discord.Permissions(manage_channels=True), False, False),
    "a manager of an open role": (discord.Permissions(manage_channels=True), True, True),
    "who may mention everyone": (discord.Permissions(manage_channels=True, mention_everyone=True), False, True),
    "an administrator": (discord.Permissions(administrator=True), False, True),
}


@pytest.mark.parametrize("name", CAN_MENTION)
async def test_whoever_may_not_mention_a_role_cannot_have_it_done(tmp_path: Path, name: str) -> None:
    permissions, mentionable, can = CAN_MENTION[name]
    async with open_stage(tmp_path) as stage:
        await open_commands(stage)
        guild = stage.guild
        for channel in (stage.news, stage.digest):
            stage.env.backend.channels[channel.id].overwrites.clear()
        pings = guild.create_role("Pings", mentionable=mentionable)
        person = guild.add_member(
            stage.env.create_user("person"), roles=[guild.create_role("p", permissions=permissions)]
        )
        subscriptions, refusal = stage.bot.store.subscriptions, "You can't mention"
        for channel in (stage.news, stage.digest):  # typed in #news: there and elsewhere
            reply = _reply_text(
                await person.slash(stage.news, "digest subscribe", channel=channel, when="daily", mention=pings)
            )
            assert (refusal in reply) is not can, reply
        assert len(await subscriptions.list_for_guild(guild.id)) == (2 if can else 0)

        plain = await subscriptions.add_subscription(
            guild_id=guild.id,
            channel_id=stage.news.id,
            created_by=1,
            now=stage.clock(),
            options=SubscriptionOptions(topics=("A",)),
        )
        reply = _reply_text(await person.slash(stage.news, "digest edit", subscription=str(plain.id), mention=pings))
        assert (refusal in reply) is not can, reply
        calling = await subscriptions.add_subscription(
            guild_id=guild.id, channel_id=stage.digest.id, created_by=1, now=stage.clock(),
            options=SubscriptionOptions(frequency=Frequency.DAILY, topics=("Python",), mention_role_id=pings.id),
        )  # fmt: skip
        edit = {"subscription": str(calling.id)}
        reply = _reply_text(await person.slash(stage.news, "digest edit", **edit, when="hourly"))
        assert "Subscription updated." in reply  # the role stays as somebody chose it who could
        stage.clock.advance(seconds=5)
        await stage.load_cards("news")
        await person.slash(stage.news, "digest now", subscription=str(calling.id))
        await stage.bot.pipeline.plan_and_deliver()
        sent = [post for post in stage.digest.history() if "Python" in str(post.content) or post.embeds]
        assert sent
        assert any(f"<@&{pings.id}>" in str(post.content) for post in sent) is can


async def test_a_role_that_is_called_can_be_removed_by_who_may_not_mention_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await open_commands(stage)
        permissions, _, _ = CAN_MENTION["a manager"]
        role = stage.guild.create_role("p", permissions=permissions)
        person = stage.guild.add_member(stage.env.create_user("person"), roles=[role])
        stage.env.backend.channels[stage.news.id].overwrites.clear()
        pings, open_role = stage.guild.create_role("Pings"), stage.guild.create_role("Open", mentionable=True)
        subscriptions = stage.bot.store.subscriptions
        options = SubscriptionOptions(frequency=Frequency.DAILY, mention_role_id=pings.id)
        made = await subscriptions.add_subscription(
            guild_id=stage.guild.id, channel_id=stage.news.id, created_by=1, now=stage.clock(), options=options
        )
        edit = {"subscription": str(made.id)}
        for given, mention, answer in (
            ({"remove_mention": False}, pings.id, "Nothing to change"),
            ({"remove_mention": True}, None, "Subscription updated."),
            ({"remove_mention": True}, None, "Nothing to change"),
            ({"mention": pings}, None, "You can't mention"),
            ({"mention": open_role, "remove_mention": True}, open_role.id, "Subscription updated."),
        ):
            reply = _reply_text(await person.slash(stage.news, "digest edit", **edit, **given))
            (found,) = await subscriptions.list_for_guild(stage.guild.id)
            assert (found.options, answer in reply) == (replace(options, mention_role_id=mention), True), (given, reply)


async def test_a_deleted_role_shows_in_the_list_and_in_the_check_and_goes_with_the_next_edit(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        gone, stays = 123456, stage.guild.create_role("Stays", mentionable=True)
        add = stage.bot.store.subscriptions.add_subscription
        for role, topic in ((gone, "A"), (stays.id, "B")):
            options = SubscriptionOptions(topics=(topic,), mention_role_id=role)
            await add(
                guild_id=stage.guild.id, channel_id=stage.news.id, created_by=1, now=stage.clock(), options=options
            )
        listed = str((await stage.admin.slash(stage.news, "digest list")).response.embeds[0].description)
        assert listed.count("mentions a deleted role") == 1
        checked = str((await stage.admin.slash(stage.news, "digest check")).response.embeds[0].description)
        assert checked.count("the role to mention was deleted") == 1
        first, _ = await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)
        await stage.admin.slash(stage.news, "digest edit", subscription=str(first.id), topics="C")
        first, second = await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)
        assert (first.options.topics, first.options.mention_role_id) == (("C",), None)
        assert second.options.mention_role_id == stays.id
