"""What a server hears when the bot joins it: once, in its language, where somebody reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.crash.process import BotProcess
from tests.support.polling import poll_until
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import BOT, MANAGER, MEMBER, Permission
from tests.wire.results import WireGuild

MUTE = int(BOT & ~Permission.SEND_MESSAGES)


@pytest.fixture
async def old(wire: WireDiscord) -> WireGuild:
    """A server that the bot joined long ago."""
    return await wire.add_guild("text")


@pytest.fixture
async def bot(tmp_path: Path, wire: WireDiscord, old: WireGuild) -> AsyncIterator[BotProcess]:
    with BotProcess(tmp_path / "run", wire.address.api) as bot:
        await bot.prepare_store([old.channels[0].id], old.id, 0)
        bot.start()
        await wire.wait_for_sessions()
        yield bot


async def join_server(wire: WireDiscord, **more: object) -> WireGuild:
    return await wire.add_guild("text", "text", joined_now=True, **more)


async def settle(wire: WireDiscord) -> None:
    """Wait until everything of before is done: one more server is greeted after it."""
    last = await join_server(wire)
    await wire.wait_for_messages(last.channels[0].id, 1)


async def test_a_server_is_greeted_once_and_again_when_it_is_joined_anew(
    wire: WireDiscord, bot: BotProcess, old: WireGuild
) -> None:
    guild = await join_server(wire, locale="de")
    channel = guild.channels[0].id
    (greeting,) = await wire.wait_for_messages(channel, 1)
    assert greeting.content.startswith("Danke")
    assert greeting.custom_ids == ["nd:begin"]
    await wire.command_gateway("invalid", resumable=False)
    await wire.wait_for_sessions()
    bot.terminate()
    bot.start()
    await wire.wait_for_sessions()
    await settle(wire)
    assert len(await wire.list_messages(channel)) == 1
    await wire.change_guild(guild.id, left=True)
    await wire.change_guild(guild.id, left=False)
    await wire.wait_for_messages(channel, 2)
    assert await wire.list_messages(old.channels[0].id) == []


async def test_a_server_that_was_joined_while_the_bot_was_away_is_greeted(wire: WireDiscord, bot: BotProcess) -> None:
    bot.terminate()
    guild = await join_server(wire)
    bot.start()
    await wire.wait_for_messages(guild.channels[0].id, 1)


async def test_the_button_opens_the_setup_for_those_with_the_right(wire: WireDiscord, bot: BotProcess) -> None:
    guild = await join_server(wire)
    (greeting,) = await wire.wait_for_messages(guild.channels[0].id, 1)
    member = await wire.click_component(greeting, label="Set up", person=Person("ann", permissions=int(MEMBER)))
    assert "Manage Channels" in member.text
    manager = await wire.click_component(greeting, label="Set up", person=Person("eve", permissions=int(MANAGER)))
    assert manager.reply is not None
    assert manager.reply.ephemeral
    assert any(each.endswith(":subscribe") for each in manager.reply.custom_ids)


async def test_who_invited_the_bot_is_greeted_where_no_channel_is_open(wire: WireDiscord, bot: BotProcess) -> None:
    silent = await join_server(wire, bot_permissions=MUTE, everyone=int(MEMBER & ~Permission.SEND_MESSAGES))
    told = await join_server(
        wire,
        name="told",
        bot_permissions=MUTE | Permission.VIEW_AUDIT_LOG,
        everyone=int(MEMBER & ~Permission.SEND_MESSAGES),
    )
    dm = (await wire.get_dm("owner")).id
    (greeting,) = await poll_until(lambda: wire.list_messages(dm), bool)
    assert "**told**" in greeting.content
    assert greeting.custom_ids == []
    await settle(wire)
    for guild in (silent, told):
        for channel in guild.channels:
            assert await wire.list_messages(channel.id) == []
    assert len(await wire.list_messages(dm)) == 1
