"""Forums with a real client: posts and their tags, what is refused, deletion, and faults on the way."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest
from discord.http import MultipartParameters

from tests.wire.client import WireDiscord
from tests.wire.sample_bot import forum_channel, manage_threads_permissions

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


async def test_a_forum_post_has_its_message_and_tags(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    view = discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Save", custom_id="save:1"))
    made = await forum.create_thread(
        name="A card",
        content="hello",
        embed=discord.Embed(title="A card"),
        view=view,
        applied_tags=[forum.available_tags[1]],
        allowed_mentions=discord.AllowedMentions.none(),
        auto_archive_duration=60,
    )
    assert made.message.id == made.thread.id
    assert (made.message.channel.id, made.thread.parent_id) == (made.thread.id, forum.id)
    assert [tag.name for tag in forum.available_tags] == ["cloud", "code"]
    (post,) = await wire.list_posts(forum.id)
    assert (post.id, post.name, post.tag_names) == (made.thread.id, "A card", ["code"])
    assert post.applied_tags == [forum.available_tags[1].id]
    assert post.owner_id == (await wire.get_status()).bot_id
    assert post.starter is not None
    assert (post.starter.content, post.starter.title, post.starter.custom_ids) == ("hello", "A card", ["save:1"])
    assert post.starter.allowed_mentions == {"parse": []}
    await made.thread.send("more")
    assert [each.content for each in await wire.list_messages(made.thread.id)] == ["hello", "more"]
    again = await client.fetch_channel(made.thread.id)
    assert isinstance(again, discord.Thread)
    assert (again.name, again.message_count, again.auto_archive_duration) == ("A card", 1, 60)
    assert (again.owner_id, again.archived, again.locked) == (post.owner_id, False, False)


@pytest.mark.parametrize(
    ("fields", "code", "place"),
    [
        ({"name": ""}, 50035, "name"),
        ({"name": "x" * 101}, 50035, "name"),
        ({"applied_tags": [discord.Object(5)]}, 50035, "applied_tags.0"),
        ({"applied_tags": "six"}, 50035, "applied_tags"),
        ({"auto_archive_duration": 30}, 50035, "auto_archive_duration"),
        ({"embed": discord.Embed(title="x" * 257)}, 50035, "message.embeds.0.title"),
        ({"embed": discord.Embed(title="t").set_image(url="nothing")}, 50035, "message.embeds.0.image.url"),
        ({"content": "x" * 2001}, 50035, "message.content"),
        ({"content": None}, 50006, "empty message"),
    ],
)
async def test_a_post_must_be_in_form(
    wire: WireDiscord, client: discord.Client, fields: dict[str, Any], code: int, place: str
) -> None:
    forum = await forum_channel(wire, client)
    if fields.get("applied_tags") == "six":
        fields = {"applied_tags": [forum.available_tags[0]] * 6}
    with pytest.raises(discord.HTTPException) as caught:
        await forum.create_thread(**({"name": "n", "content": "c"} | fields))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert place in caught.value.text
    assert await wire.list_posts(forum.id) == []


async def test_name_and_tags_may_go_to_their_limits(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client, tags=list("abcde"))
    await forum.create_thread(name="x" * 100, content="c", applied_tags=forum.available_tags)
    assert [each.tag_names for each in await wire.list_posts(forum.id)] == [list("abcde")]


async def test_a_forum_may_require_a_tag(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client, tag_required=True)
    assert forum.flags.require_tag
    with pytest.raises(discord.HTTPException) as caught:
        await forum.create_thread(name="n", content="c")
    assert (caught.value.status, caught.value.code) == (400, 40067)
    await forum.create_thread(name="n", content="c", applied_tags=forum.available_tags[:1])
    await wire.change_channel(forum.id, tag_required=False)
    await forum.create_thread(name="n", content="c")
    assert [each.tag_names for each in await wire.list_posts(forum.id)] == [["cloud"], []]


async def test_some_tags_are_for_moderators(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client, moderated=["code"])
    cloud, code = forum.available_tags
    assert (cloud.moderated, code.moderated) == (False, True)
    with pytest.raises(discord.Forbidden):
        await forum.create_thread(name="n", content="c", applied_tags=[code])
    await wire.change_guild(forum.guild.id, bot_permissions=manage_threads_permissions())
    await forum.create_thread(name="n", content="c", applied_tags=[code])


async def test_where_all_tags_are_for_moderators_none_can_be_set(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client, moderated=["cloud", "code"], tag_required=True)
    with pytest.raises(discord.HTTPException) as caught:
        await forum.create_thread(name="n", content="c")
    assert (caught.value.status, caught.value.code) == (400, 40066)


async def test_tags_come_and_go(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    cloud, code = forum.available_tags
    made = await forum.create_thread(name="n", content="c", applied_tags=[cloud])
    await wire.change_channel(forum.id, tags=["code", "new"])
    with pytest.raises(discord.HTTPException):
        await forum.create_thread(name="n", content="c", applied_tags=[cloud])
    changed = await client.fetch_channel(forum.id)
    assert isinstance(changed, discord.ForumChannel)
    assert [tag.name for tag in changed.available_tags] == ["code", "new"]
    assert changed.available_tags[0].id == code.id
    await made.thread.edit(applied_tags=changed.available_tags)
    assert (await wire.list_posts(forum.id))[0].tag_names == ["code", "new"]


async def test_a_post_takes_no_nonce(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    message = {"content": "c", "nonce": "n", "enforce_nonce": True}
    for _ in range(2):
        params = MultipartParameters({"name": "n", "message": message}, None, None)
        await client.http.start_thread_in_forum(forum.id, params=params)
    first, second = await wire.list_posts(forum.id)
    assert first.id != second.id
    assert first.starter is not None
    assert first.starter.nonce is None
    assert (await wire.get_totals()).prevented == 0


async def test_a_forum_takes_no_plain_message(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    with pytest.raises(discord.HTTPException) as caught:
        await client.get_partial_messageable(forum.id).send("hello")
    assert (caught.value.status, caught.value.code) == (400, 50008)
    assert "Cannot send messages in a non-text channel" in caught.value.text


@pytest.mark.parametrize(("access", "code"), [("no_view", 50001), ("no_send", 50013), ("no_embed", 50013)])
async def test_to_post_is_to_send(wire: WireDiscord, client: discord.Client, access: str, code: int) -> None:
    forum = await forum_channel(wire, client)
    await wire.change_channel(forum.id, access=access)
    with pytest.raises(discord.Forbidden) as caught:
        await forum.create_thread(name="n", embed=discord.Embed(title="t"))
    assert caught.value.code == code
    await wire.change_channel(forum.id, access=["no_threads", "no_thread_send"])
    await forum.create_thread(name="n", embed=discord.Embed(title="t"))


async def test_the_starter_is_a_message_as_any_other(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    made = await forum.create_thread(name="n", content="one")
    partial = made.thread.get_partial_message(made.thread.id)
    assert (await partial.fetch()).content == "one"
    await partial.edit(content="two", embed=discord.Embed(title="t"))
    (post,) = await wire.list_posts(forum.id)
    assert post.starter is not None
    assert (post.starter.content, post.starter.title) == ("two", "t")
    assert [each.id async for each in made.thread.history()] == [made.thread.id]
    await partial.delete()
    (post,) = await wire.list_posts(forum.id)
    assert (post.starter, post.name) == (None, "n")
    with pytest.raises(discord.NotFound) as caught:
        await partial.edit(content="three")
    assert caught.value.code == 10008


async def test_only_who_manages_threads_deletes_a_post(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    made = await forum.create_thread(name="n", content="c")
    with pytest.raises(discord.Forbidden) as caught:
        await made.thread.delete()
    assert caught.value.code == 50013
    await wire.change_channel(forum.id, allow=manage_threads_permissions())
    await made.thread.delete()
    assert await wire.list_posts(forum.id) == []
    assert [each.gone for each in await wire.list_posts(forum.id, deleted=True)] == [True]
    for action in (client.fetch_channel(made.thread.id), made.thread.send("x"), made.message.edit(content="x")):
        with pytest.raises(discord.NotFound) as missing:
            await action
        assert missing.value.code == 10003


async def test_others_post_too(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    theirs = await wire.open_thread(forum.id, "A question", "how?", "ann", tags=["code"])
    own = await forum.create_thread(name="n", content="c")
    assert [each.id for each in await wire.wait_for_posts(forum.id, 2)] == [theirs.id, own.thread.id]
    guild = await client.fetch_guild(forum.guild.id)
    active = await guild.active_threads()
    assert [(each.id, each.parent_id) for each in active] == [(own.thread.id, forum.id), (theirs.id, forum.id)]
    assert [each.owner_id for each in active] == [(await wire.get_status()).bot_id, await wire.get_user_id("ann")]
    assert [each.me is not None for each in active] == [False, False]
    assert [len(each.members) for each in active] == [1, 0]


@pytest.mark.parametrize(("fault", "kept"), [("lost", 1), ("reset", 0)])
async def test_a_broken_line_leaves_a_post_or_none(
    wire: WireDiscord, client: discord.Client, fault: str, kept: int
) -> None:
    forum = await forum_channel(wire, client)
    await wire.add_fault(fault, "POST", "/threads", times=1)
    with pytest.raises(aiohttp.ClientError):
        await forum.create_thread(name="n", content="c")
    assert len(await wire.list_posts(forum.id)) == kept
    await forum.create_thread(name="n", content="c")
    assert len(await wire.list_posts(forum.id)) == kept + 1


async def test_the_library_posts_again_after_a_500(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    await wire.add_fault("500", "POST", "/threads$", after=True)
    await forum.create_thread(name="n", content="c")
    assert len(await wire.list_posts(forum.id)) == 2
    assert (await wire.get_totals()).by_route["POST /channels/*/threads"] == {"500": 1, "201": 1}


async def test_a_stalled_post_comes_before_its_answer(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    await wire.add_fault("stall", "POST", "/threads$", seconds=0.3, after=True)
    task = asyncio.create_task(forum.create_thread(name="n", content="c"))
    await wire.wait_for_posts(forum.id, 1, 0.25)
    assert not task.done()
    await task


async def test_refusals_on_command(wire: WireDiscord, client: discord.Client) -> None:
    forum = await forum_channel(wire, client)
    for fault, code in (("tag_required", 40067), ("no_channel", 10003), ("locked", 160005), ("archived", 50083)):
        await wire.add_fault(fault, "POST", "/threads$")
        with pytest.raises(discord.HTTPException) as caught:
            await forum.create_thread(name="n", content="c")
        assert caught.value.code == code
    assert await wire.list_posts(forum.id) == []
