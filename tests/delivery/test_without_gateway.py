"""A process that only delivers: it asks Discord for the little that the gateway would have told it."""

from __future__ import annotations

from datetime import timedelta

from tests.support.line import Line

_MAX_AGE = timedelta(days=14)


async def test_a_closed_channel_is_told_about_where_the_system_speaks(line: Line) -> None:
    await line.subscribe("text")
    told = line.channel
    other = await line.wire.add_channel(line.guild.id, "text:other")
    add = line.bot.store.subscriptions.add
    await add(guild_id=line.guild.id, channel_id=other.id, created_by=1, now=line.clock())
    await line.wire.change_channel(other.id, access="no_send")
    await line.send("a")

    texts = [message.content for message in await line.wire.messages(told) if message.content]
    assert len(texts) == 1
    assert f"<#{other.id}>" in texts[0]


async def test_a_review_goes_to_a_private_channel_only(line: Line) -> None:
    await line.subscribe("text")
    await line.bot.store.reviews.set_channel(line.guild.id, line.channel, 5, line.clock(), _MAX_AGE)
    await line.send("held", published="false", heat=60)

    assert await line.is_closed(), "everybody can read it"
    assert await line.titles() == [None]


async def test_a_review_goes_to_a_channel_that_became_private(line: Line) -> None:
    guild = await line.wire.add_guild("text", "text:desk", everyone=0)
    line.guild, line.channel = guild, guild.channels[1].id
    await line.bot.store.reviews.set_channel(guild.id, line.channel, 5, line.clock(), _MAX_AGE)
    await line.send("held", published="false", heat=60)

    assert await line.titles() == ["Title of held"]
