"""The gateway with a real bot: ready, events, resume, shards, and interactions from the click to the
reply.
"""

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest
from discord.ext import commands

from tests.support.polling import PATIENCE, wait_until
from tests.wire.client import Person, WireDiscord, WireError
from tests.wire.permissions import MEMBER
from tests.wire.sample_bot import SampleBot, run_client

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


@pytest.fixture
async def channel_id(wire: WireDiscord) -> int:
    return (await wire.add_guild("text", "text:target")).channels[0].id


@pytest.fixture
async def bot(channel_id: int) -> AsyncIterator[SampleBot]:
    bot = SampleBot()
    async with run_client(bot):
        await bot.tree.sync()
        yield bot


async def test_ready_brings_guilds_and_permissions(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    (guild,) = bot.guilds
    assert [each.name for each in guild.text_channels] == ["text-1", "target"]
    channel = guild.text_channels[0]
    assert channel.permissions_for(guild.me).send_messages
    await wire.change_channel(channel_id, access="no_send")
    await wait_until(lambda: not channel.permissions_for(guild.me).send_messages)
    assert (await wire.get_status()).identified == 1


async def test_guilds_and_channels_come_and_go(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    other = await wire.add_guild("forum")
    await wait_until(lambda: len(bot.guilds) == 2)
    await wire.change_guild(other.id, left=True)
    await wait_until(lambda: len(bot.guilds) == 1)
    added = await wire.add_channel(bot.guilds[0].id, "announcement:news")
    await wait_until(lambda: bot.get_channel(added.id) is not None)
    await wire.change_channel(added.id, access="gone")
    await wait_until(lambda: bot.get_channel(added.id) is None)


async def test_messages_are_heard(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    theirs = await wire.post_message(channel_id, "from alice", "alice")
    ours = await bot.get_partial_messageable(channel_id).send("from the bot")
    await wait_until(lambda: bot.received == [theirs.id, ours.id])
    events = bot.cached_messages[0]
    assert (events.author.name, events.content) == ("alice", "")  # no message content intent
    await wire.delete_message((await wire.list_messages(channel_id))[1])
    await wait_until(lambda: len(bot.cached_messages) == 1)


@pytest.mark.parametrize("action", ["reconnect", "drop", "close"])
async def test_a_session_resumes_and_hears_what_it_missed(
    wire: WireDiscord, bot: SampleBot, channel_id: int, action: str
) -> None:
    await wire.command_gateway(action)
    missed = await wire.post_message(channel_id, "meanwhile")
    await wait_until(lambda: bot.resumes == 1)
    assert bot.received == [missed.id]
    after = await wire.post_message(channel_id, "afterwards")
    await wait_until(lambda: bot.received == [missed.id, after.id])
    status = await wire.get_status()
    assert (status.identified, status.resumed, bot.readies) == (1, 1, 1)


async def test_an_invalid_session_identifies_anew(wire: WireDiscord, bot: SampleBot) -> None:
    await wire.command_gateway("invalid", resumable=False)
    await wait_until(lambda: bot.readies == 2)
    assert (await wire.get_status()).identified == 2


async def test_a_session_that_was_lost_meanwhile_identifies_anew(wire: WireDiscord, bot: SampleBot) -> None:
    await wire.command_gateway("drop", resumable=False)
    await wait_until(lambda: bot.readies == 2)


async def test_heartbeats_are_acknowledged(wire: WireDiscord) -> None:
    await wire.configure_settings(heartbeat_interval_ms=50)
    bot = SampleBot()
    async with run_client(bot):
        await asyncio.sleep(0.3)
        assert 0 < bot.latency < 1
    assert (await wire.get_status()).identified == 1


async def test_shards_get_their_guilds_only(wire: WireDiscord) -> None:
    await wire.configure_settings(shards=2)
    guilds = await wire.add_guilds(5, ["text"])
    bot = commands.AutoShardedBot("!", intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)

    bot.before_identify_hook = SampleBot().before_identify_hook  # type: ignore[method-assign]
    async with run_client(bot):
        assert sorted(each.id for each in bot.guilds) == [each.id for each in guilds]
        assert [each.shard_id for each in sorted(bot.guilds, key=lambda each: each.id)] == [0, 1, 0, 1, 0]
        assert (await wire.wait_for_sessions(2)).connected == 2


async def test_a_slash_command_is_answered(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    outcome = await wire.run_slash(channel_id, "hello", {"name": "you"})
    assert outcome.text == "hello you"
    assert outcome.ack_ms is not None
    assert outcome.ack_ms < 1000
    (kept,) = await wire.list_messages(channel_id)
    assert kept.custom_ids == ["again:1"]


async def test_subcommands_resolve_what_they_name(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    target = bot.guilds[0].text_channels[1]
    options = {"channel": target.id, "count": 3}
    outcome = await wire.run_slash(channel_id, "digest add", options)
    assert outcome.text == "target 3 all True"
    with pytest.raises(WireError, match="at most 10"):
        await wire.run_slash(channel_id, "digest add", options | {"count": 11})
    with pytest.raises(WireError, match="hidden"):
        await wire.run_slash(channel_id, "digest add", options, Person("eve", permissions=int(MEMBER)))
    choices = await wire.run_autocomplete(channel_id, "digest add", "topic", "cl")
    assert [each["value"] for each in choices] == ["cloud"]
    await wire.add_fault("no_message", "POST", "/callback$")
    with pytest.raises(WireError, match="not answered"):
        await wire.run_autocomplete(channel_id, "digest add", "topic", "cl", within=0.1)


async def test_a_deferred_reply_is_filled_in(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    outcome = await wire.run_slash(channel_id, "slow")
    assert outcome.deferred
    assert outcome.reply is not None
    assert (outcome.reply.title, outcome.reply.ephemeral, outcome.reply.loading) == ("at last", True, False)
    async with asyncio.timeout(PATIENCE):
        # The reply is there before the handler goes on to its followup.
        while not outcome.followups:
            outcome = await wire.get_outcome(outcome.id)
    assert [each.content for each in outcome.followups] == ["and more"]
    assert await wire.list_messages(channel_id) == []


async def test_a_button_works_again_after_a_restart(wire: WireDiscord, channel_id: int) -> None:
    first = SampleBot()
    async with run_client(first):
        await first.tree.sync()
        reply = (await wire.run_slash(channel_id, "hello", {"name": "you"})).reply
        assert reply is not None
    second = SampleBot()
    async with run_client(second):
        outcome = await wire.click_component(reply, "again:1")
        assert outcome.text == "pressed 1"
        assert outcome.updates == 1
        (kept,) = await wire.list_messages(channel_id)
        assert kept.custom_ids == ["again:2"]
        with pytest.raises(WireError, match="no component"):
            await wire.click_component(kept, "again:1")


async def test_a_modal_is_shown_and_submitted(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    opened = await wire.run_slash(channel_id, "ask")
    assert opened.modal is not None
    assert opened.modal["title"] == "Why?"
    outcome = await wire.submit_modal(opened, channel_id, {"why": "so"})
    assert outcome.text == "because so"
    with pytest.raises(WireError, match="does not take"):
        await wire.submit_modal(opened, channel_id, {"why": "x" * 21})


async def test_an_answer_that_comes_too_late_is_refused(wire: WireDiscord, bot: SampleBot, channel_id: int) -> None:
    await wire.configure_settings(acknowledge_within=0.1)
    await wire.add_fault("stall", "POST", "/callback", seconds=0.2)
    outcome = await wire.run_slash(channel_id, "hello", {"name": "you"}, within=0.5)
    assert not outcome.acknowledged
    assert outcome.refused == [10062]
    assert await wire.list_messages(channel_id) == []


async def test_a_client_that_knows_no_compression_is_served(wire: WireDiscord) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("token")
        socket = await client.http.ws_connect(f"{wire.address.gateway}?v=10&encoding=json")
        hello = await socket.receive_json(timeout=60)
        assert hello["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": "token", "intents": 1}})
        ready = await socket.receive_json(timeout=60)
        assert (ready["t"], ready["d"]["session_id"] != "") == ("READY", True)
        await socket.send_json({"op": 99})
        assert (await socket.receive(timeout=60)).data == 4001
        await socket.close()
