"""REST with a real client: login, messages, nonces, permissions, direct messages."""

from typing import Any

import discord
import pytest

from tests.wire.client import WireDiscord
from tests.wire.sample_bot import text_channel

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


async def test_a_wrong_token_cannot_log_in(wire: WireDiscord) -> None:
    await wire.configure_settings(token="right")
    async with discord.Client(intents=discord.Intents.none()) as client:
        with pytest.raises(discord.LoginFailure):
            await client.login("wrong")
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("right")


async def test_the_library_can_fetch_what_is_there(wire: WireDiscord, client: discord.Client) -> None:
    made = await wire.add_guild("text", "announcement:news", "forum", roles=["readers"], tags=["cloud"])
    guild = await client.fetch_guild(made.id)
    assert [role.name for role in guild.roles] == ["@everyone", "readers", "newsdesk"]
    channels = await guild.fetch_channels()
    assert [channel.type.name for channel in channels] == ["text", "news", "forum"]
    assert client.user is not None
    assert (await guild.fetch_member(client.user.id)).roles[-1].name == "newsdesk"
    assert (await client.application_info()).owner.id == (await wire.get_status()).owner_id
    assert [each.name async for each in client.fetch_guilds()] == [made.name]
    with pytest.raises(discord.NotFound):
        await client.fetch_channel(1)


async def test_a_message_is_kept_as_it_was_sent(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    view = discord.ui.View().add_item(discord.ui.Button(label="Save", custom_id="save:1"))
    embed = discord.Embed(title="A card", url="https://example.com/a").set_image(url="https://example.com/i.png")
    sent = await channel.send(
        "hi <@&123456789012345678>",
        embed=embed,
        view=view,
        nonce=77,
        allowed_mentions=discord.AllowedMentions.none(),
    )
    (kept,) = await wire.list_messages(channel.id)
    assert (kept.id, kept.nonce, kept.title, kept.custom_ids) == (sent.id, "77", "A card", ["save:1"])
    assert kept.allowed_mentions is not None
    assert kept.allowed_mentions["parse"] == []
    assert kept.pings is None
    assert sent.author.id == (await wire.get_status()).bot_id
    assert (await channel.fetch_message(sent.id)).embeds == [embed]


async def test_edits_keep_what_they_do_not_name(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    sent = await channel.send("one", embed=discord.Embed(title="stays"))
    edited = await sent.edit(content="two")
    (kept,) = await wire.list_messages(channel.id)
    assert (kept.content, kept.title, kept.revisions[0]["content"]) == ("two", "stays", "one")
    assert edited.edited_at is not None
    await sent.delete()
    assert await wire.list_messages(channel.id) == []
    (gone,) = await wire.list_messages(channel.id, deleted=True)
    assert gone.deleted == "bot"


async def test_an_enforced_nonce_makes_one_message(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    first, second = await channel.send("a", nonce="n1"), await channel.send("b", nonce="n1")
    assert first.id == second.id
    assert second.nonce == "n1"
    totals = await wire.get_totals()
    assert (totals.messages, totals.prevented) == ({str(channel.id): 1}, 1)
    (kept,) = await wire.list_messages(channel.id)
    await wire.delete_message(kept)
    with pytest.raises(discord.NotFound) as caught:
        await channel.send("c", nonce="n1")
    assert caught.value.code == 10008


async def test_a_nonce_is_forgotten_after_its_window(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(nonce_window=0.0)
    channel = await text_channel(wire, client)
    assert (await channel.send("a", nonce="n")).id != (await channel.send("a", nonce="n")).id
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send("a", nonce="x" * 26)
    assert caught.value.code == 50035


async def test_history_goes_before_after_and_around(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(limits=False)
    channel = await text_channel(wire, client)
    sent = [await channel.send(str(number)) for number in range(7)]
    await wire.delete_message((await wire.list_messages(channel.id))[3])

    async def read(**where: Any) -> list[str]:
        return [each.content async for each in channel.history(limit=3, **where)]

    assert await read() == ["6", "5", "4"]
    assert await read(before=sent[4]) == ["2", "1", "0"]
    assert await read(after=sent[1]) == ["2", "4", "5"]
    assert await read(around=sent[4]) == ["5", "4", "2"]
    await wire.change_channel(channel.id, access="no_history")
    assert await read() == []


@pytest.mark.parametrize(
    ("access", "code"),
    [("no_view", 50001), ("no_send", 50013), ("no_embed", 50013), ("gone", 10003)],
)
async def test_access_is_by_channel(wire: WireDiscord, client: discord.Client, access: str, code: int) -> None:
    guild = await wire.add_guild("text", "text")
    channel, other = [client.get_partial_messageable(each.id) for each in guild.channels]
    await wire.change_channel(channel.id, access=access)
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send(embed=discord.Embed(title="t"))
    assert caught.value.code == code
    await other.send("still open")
    await wire.change_channel(channel.id, access="open")
    await channel.send("open again")


async def test_other_peoples_messages_are_not_ours(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    theirs = channel.get_partial_message((await wire.post_message(channel.id, "mine")).id)
    with pytest.raises(discord.Forbidden) as edited:
        await theirs.edit(content="yours")
    with pytest.raises(discord.Forbidden) as deleted:
        await theirs.delete()
    assert (edited.value.code, deleted.value.code) == (50005, 50013)
    with pytest.raises(discord.NotFound) as missing:
        await channel.get_partial_message(5).edit(content="x")
    assert missing.value.code == 10008


async def test_direct_messages_can_be_refused(wire: WireDiscord, client: discord.Client) -> None:
    user = await client.fetch_user(await wire.get_user_id("alice"))
    await user.send("hello")
    channel = await wire.get_dm("alice")
    assert [each.content for each in await wire.list_messages(channel.id)] == ["hello"]
    await wire.change_channel(channel.id, access="closed")
    with pytest.raises(discord.Forbidden) as caught:
        await user.send("again")
    assert caught.value.code == 50007
