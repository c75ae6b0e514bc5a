"""Threads with a real client: writing in them, archived and locked ones, lists, and what the gateway tells."""

import discord
import pytest

from tests.support.polling import wait_until
from tests.wire.client import WireDiscord, WireError
from tests.wire.sample_bot import SampleBot, forum_channel, manage_threads_permissions, run_client, text_channel

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


async def _make_thread(wire: WireDiscord, client: discord.Client) -> discord.Thread:
    """Somebody's thread below a text channel."""
    channel = await text_channel(wire, client)
    thread = await client.fetch_channel((await wire.open_thread(channel.id, "A thread")).id)
    assert isinstance(thread, discord.Thread)
    return thread


async def test_a_thread_takes_messages_and_nonces(wire: WireDiscord, client: discord.Client) -> None:
    thread = await _make_thread(wire, client)
    assert thread.me is None
    sent = await thread.send("one", nonce="n")
    assert (await thread.send("one", nonce="n")).id == sent.id
    await sent.edit(content="two")
    (kept,) = await wire.list_messages(thread.id)
    assert (kept.content, kept.channel_id, kept.nonce) == ("two", thread.id, "n")
    again = await client.fetch_channel(thread.id)
    assert isinstance(again, discord.Thread)
    assert again.me is not None
    await sent.delete()
    assert await wire.list_messages(thread.id) == []


async def test_a_thread_has_a_permission_of_its_own(wire: WireDiscord, client: discord.Client) -> None:
    thread = await _make_thread(wire, client)
    assert thread.parent_id is not None
    parent = client.get_partial_messageable(thread.parent_id)
    sent = await thread.send("before")
    await wire.change_channel(thread.parent_id, access="no_thread_send")
    await parent.send("this may be sent")
    with pytest.raises(discord.Forbidden) as caught:
        await thread.send("this may not")
    assert caught.value.code == 50013
    await sent.edit(content="an edit needs it not")
    await wire.change_channel(thread.parent_id, access="no_view")
    with pytest.raises(discord.Forbidden) as hidden:
        await thread.send("nor this")
    assert hidden.value.code == 50001
    with pytest.raises(WireError):
        await wire.change_channel(thread.id, access="no_send")


@pytest.mark.parametrize("which", ["thread", "parent"])
async def test_a_deleted_thread_is_unknown(wire: WireDiscord, client: discord.Client, which: str) -> None:
    thread = await _make_thread(wire, client)
    sent = await thread.send("a")
    assert thread.parent_id is not None
    await wire.change_channel(thread.id if which == "thread" else thread.parent_id, access="gone")
    for action in (thread.send("x"), sent.edit(content="x"), sent.delete(), client.fetch_channel(thread.id)):
        with pytest.raises(discord.NotFound) as caught:
            await action
        assert caught.value.code == 10003


async def test_a_message_wakes_an_archived_thread_and_an_edit_does_not(
    wire: WireDiscord, client: discord.Client
) -> None:
    thread = await _make_thread(wire, client)
    sent = await thread.send("a")
    assert (await wire.change_channel(thread.id, archived=True)).archived
    with pytest.raises(discord.HTTPException) as caught:
        await sent.edit(content="b")
    assert (caught.value.status, caught.value.code) == (400, 50083)
    assert "Thread is archived" in caught.value.text
    assert (await sent.fetch()).content == "a"
    assert (await wire.change_channel(thread.id)).archived
    await thread.send("c")
    assert not (await wire.change_channel(thread.id)).archived
    await sent.edit(content="b")
    await wire.change_channel(thread.id, archived=True)
    await sent.delete()
    assert [each.content for each in await wire.list_messages(thread.id)] == ["c"]
    await wire.post_message(thread.id, "by a person")
    assert not (await wire.change_channel(thread.id)).archived


async def test_a_locked_thread_is_for_those_who_manage_it(wire: WireDiscord, client: discord.Client) -> None:
    thread = await _make_thread(wire, client)
    sent = await thread.send("a")
    await wire.change_channel(thread.id, locked=True)
    for action in (thread.send("b"), sent.edit(content="b")):
        with pytest.raises(discord.Forbidden) as caught:
            await action
        assert caught.value.code == 160005
    await wire.change_channel(thread.id, archived=True)
    with pytest.raises(discord.Forbidden):
        await thread.send("b")
    with pytest.raises(discord.Forbidden):
        await thread.edit(archived=False)
    for late in (sent.edit(content="b"), sent.delete()):
        with pytest.raises(discord.HTTPException) as archived:
            await late
        assert archived.value.code == 50083
    await wire.change_guild(thread.guild.id, bot_permissions=manage_threads_permissions())
    await thread.send("b")
    await sent.edit(content="c")
    assert [each.content for each in await wire.list_messages(thread.id)] == ["c", "b"]


async def test_the_creator_may_change_a_thread(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    thread = (await forum.create_thread(name="n", content="c")).thread
    changed = await thread.edit(name="m", archived=True, applied_tags=[forum.available_tags[0]])
    assert (changed.name, changed.archived) == ("m", True)
    with pytest.raises(discord.HTTPException) as caught:
        await thread.edit(name="o")
    assert (caught.value.status, caught.value.code) == (400, 50083)
    assert not (await thread.edit(name="o", archived=False)).archived
    assert (await wire.list_posts(forum.id))[0].tag_names == ["cloud"]
    with pytest.raises(discord.Forbidden):
        await thread.edit(slowmode_delay=5)
    with pytest.raises(discord.HTTPException) as wrong:
        await thread.edit(name="")
    assert wrong.value.code == 50035
    assert (await thread.edit(locked=True)).locked
    with pytest.raises(discord.Forbidden):
        await thread.edit(locked=False)


async def test_who_may_send_may_wake_a_thread_of_others(wire: WireDiscord, client: discord.Client) -> None:
    thread = await _make_thread(wire, client)
    with pytest.raises(discord.Forbidden):
        await thread.edit(archived=True)
    await wire.change_channel(thread.id, archived=True)
    assert not (await thread.edit(archived=False)).archived
    with pytest.raises(discord.Forbidden):
        await thread.edit(name="mine")


async def test_active_threads_are_those_that_can_be_seen(wire: WireDiscord, client: discord.Client) -> None:
    made = await wire.add_guild("text", "text", "forum")
    first, second, forum = made.channels
    threads = [await wire.open_thread(each.id, each.kind, "c") for each in (first, second, forum, first)]
    guild = await client.fetch_guild(made.id)

    async def ids() -> list[int]:
        return [each.id for each in await guild.active_threads()]

    assert await ids() == [each.id for each in reversed(threads)]
    await wire.change_channel(threads[3].id, archived=True)
    await wire.change_channel(second.id, access="no_view")
    await wire.change_channel(threads[2].id, access="gone")
    assert await ids() == [threads[0].id]
    await wire.change_channel(threads[3].id, archived=False)
    await wire.change_channel(second.id, access="open")
    assert await ids() == [threads[3].id, threads[1].id, threads[0].id]


async def test_archived_threads_come_in_pages(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    posts = [await wire.open_thread(forum.id, str(number), "c") for number in range(5)]
    for number in (3, 0, 4, 1):
        await wire.change_channel(posts[number].id, archived=True)
    found = [each async for each in forum.archived_threads(limit=None)]
    assert [each.name for each in found] == ["1", "4", "0", "3"]
    assert all(each.archived and each.parent_id == forum.id for each in found)
    first = await client.http.get_public_archived_threads(forum.id, limit=2)
    assert ([each["name"] for each in first["threads"]], first["has_more"]) == (["1", "4"], True)
    rest = [each.name async for each in forum.archived_threads(before=found[1].archive_timestamp)]
    assert rest == ["0", "3"]
    last = await client.http.get_public_archived_threads(
        forum.id, before=found[1].archive_timestamp.isoformat(), limit=2
    )
    assert last["has_more"] is False
    await wire.change_channel(forum.id, access="no_history")
    with pytest.raises(discord.Forbidden):
        [each async for each in forum.archived_threads()]


async def test_the_bot_opens_threads_itself(wire: WireDiscord, client: discord.Client) -> None:
    made = await wire.add_guild("text", "announcement", "forum")
    text, news = [await client.fetch_channel(each.id) for each in made.channels[:2]]
    assert isinstance(text, discord.TextChannel)
    assert isinstance(news, discord.TextChannel)
    empty = await text.create_thread(name="a", type=discord.ChannelType.public_thread)
    message = await news.send("start here")
    below = await news.create_thread(name="b", message=message)
    assert below.id == message.id
    assert [each.type.name for each in (empty, below)] == ["public_thread", "news_thread"]
    assert [each.name for each in await wire.list_posts(text.id)] == ["a"]
    fetched = await message.fetch()
    assert fetched.flags.has_thread
    with pytest.raises(discord.HTTPException) as second:
        await news.create_thread(name="c", message=message)
    assert second.value.code == 160004
    with pytest.raises(discord.Forbidden):
        await text.create_thread(name="private")
    await wire.change_channel(text.id, access="no_threads")
    with pytest.raises(discord.Forbidden):
        await text.create_thread(name="a", type=discord.ChannelType.public_thread)


async def test_the_gateway_tells_of_threads(wire: WireDiscord) -> None:
    made = await wire.add_guild("text", "forum", "thread:old")
    text, forum = made.channels
    (old,) = await wire.list_posts(text.id)
    await wire.change_channel(old.id, archived=True)
    active = await wire.open_thread(forum.id, "active", "c")
    bot = SampleBot()
    async with run_client(bot):
        (guild,) = bot.guilds
        assert [each.id for each in guild.threads] == [active.id]
        thread = guild.threads[0]
        assert isinstance(thread.parent, discord.ForumChannel)
        await thread.send("hello")
        await wait_until(lambda: thread.me is not None)
        await wire.change_channel(active.id, archived=True)
        await wait_until(lambda: guild.get_thread(active.id) is None)
        await thread.send("wake")
        await wait_until(lambda: guild.get_thread(active.id) is not None)
        new = await wire.open_thread(text.id, "new")
        await wait_until(lambda: guild.get_thread(new.id) is not None)
        await wire.change_channel(new.id, access="gone")
        await wait_until(lambda: guild.get_thread(new.id) is None)
        post = await thread.parent.create_thread(name="post", content="c")
        await wait_until(lambda: guild.get_thread(post.thread.id) is not None)
        await wait_until(lambda: post.message.id in bot.received)
