"""Whom a message notifies: what its text, ``allowed_mentions`` and the bot's permissions let through together."""

import discord
import pytest

from tests.wire.client import WireDiscord
from tests.wire.permissions import BOT, Permission

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


def _only_role(role: int) -> discord.AllowedMentions:
    return discord.AllowedMentions(everyone=False, users=False, roles=[discord.Object(role)])


async def test_only_the_role_that_is_allowed_is_pinged(wire: WireDiscord, client: discord.Client) -> None:
    guild = await wire.add_guild(roles=["news", "other"])
    news, other = guild.roles["news"], guild.roles["other"]
    channel = client.get_partial_messageable(guild.channels[0].id)
    text = f"<@&{news}> <@&{other}> @everyone <@{await wire.get_user_id('ann')}>"
    sent = await channel.send(text, allowed_mentions=_only_role(news))
    await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
    await channel.send("no mention", allowed_mentions=_only_role(news))
    kept = await wire.list_messages(channel.id)
    assert [each.pinged_roles for each in kept] == [[news], [], []]
    assert kept[0].allowed_mentions == {"parse": [], "roles": [news], "replied_user": True}
    assert kept[0].pings == {"roles": [str(news)], "users": [], "everyone": False}
    assert [each.pings for each in kept[1:]] == [None, None]
    assert sent.raw_role_mentions == [news, other]
    assert not sent.mention_everyone


async def test_an_edit_pings_nobody(wire: WireDiscord, client: discord.Client) -> None:
    guild = await wire.add_guild(roles=["news", "other"])
    news, other = guild.roles["news"], guild.roles["other"]
    channel = client.get_partial_messageable(guild.channels[0].id)
    quiet = await channel.send("quiet")
    loud = await channel.send(f"<@&{news}>", allowed_mentions=_only_role(news))
    await quiet.edit(content=f"<@&{news}>", allowed_mentions=_only_role(news))
    await loud.edit(content=f"<@&{other}>", allowed_mentions=_only_role(other))
    kept = await wire.list_messages(channel.id)
    assert [each.pinged_roles for each in kept] == [[], [news]]
    assert kept[0].content == f"<@&{news}>"
    await loud.edit(content="nothing")
    assert (await wire.list_messages(channel.id))[1].pinged_roles == [news]


async def test_a_forum_post_pings_as_any_message(wire: WireDiscord, client: discord.Client) -> None:
    guild = await wire.add_guild("forum", roles=["news"])
    news = guild.roles["news"]
    forum = await client.fetch_channel(guild.channels[0].id)
    assert isinstance(forum, discord.ForumChannel)
    made = await forum.create_thread(name="n", content=f"<@&{news}> new", allowed_mentions=_only_role(news))
    await made.message.edit(content=f"<@&{news}> newer", allowed_mentions=_only_role(news))
    (post,) = await wire.list_posts(forum.id)
    assert post.starter is not None
    assert (post.starter.pinged_roles, post.starter.content) == ([news], f"<@&{news}> newer")


async def test_some_roles_and_everyone_need_a_permission(wire: WireDiscord, client: discord.Client) -> None:
    guild = await wire.add_guild(roles=["open", "shut"], unmentionable=["shut"])
    channel = client.get_partial_messageable(guild.channels[0].id)
    text = f"@everyone <@&{guild.roles['open']}> <@&{guild.roles['shut']}> <@&123456789012345678>"
    await channel.send(text)
    await wire.change_guild(guild.id, bot_permissions=int(BOT | Permission.MENTION_EVERYONE))
    await channel.send(text)
    first, second = await wire.list_messages(channel.id)
    assert first.pinged_roles == [guild.roles["open"]]
    assert second.pinged_roles == list(guild.roles.values())
    assert first.pings is not None
    assert second.pings is not None
    assert (first.pings["everyone"], second.pings["everyone"]) == (False, True)
    fetched = await client.fetch_guild(guild.id)
    assert [role.mentionable for role in fetched.roles[1:3]] == [True, False]
