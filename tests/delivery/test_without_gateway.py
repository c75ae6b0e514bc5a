"""A process that only delivers: it requests from Discord the little that it would know from the gateway."""

from __future__ import annotations

from datetime import timedelta

from tests.support.line import WireHarness

_MAX_AGE = timedelta(days=14)


async def test_a_closed_channel_is_told_about_where_the_system_speaks(harness: WireHarness) -> None:
    await harness.subscribe_channel("text")
    reply = harness.channel
    other = await harness.wire.add_channel(harness.guild.id, "text:other")
    add = harness.bot.store.subscriptions.add_subscription
    await add(guild_id=harness.guild.id, channel_id=other.id, created_by=1, now=harness.clock())
    await harness.wire.change_channel(other.id, access="no_send")
    await harness.send_card("a")

    texts = [message.content for message in await harness.wire.list_messages(reply) if message.content]
    assert len(texts) == 1
    assert f"<#{other.id}>" in texts[0]


async def test_a_review_goes_to_a_private_channel_only(harness: WireHarness) -> None:
    await harness.subscribe_channel("text")
    await harness.bot.store.moderation.reviews.set_channel(
        harness.guild.id, harness.channel, 5, harness.clock(), _MAX_AGE
    )
    await harness.send_card("held", published="false", heat=60)

    assert await harness.is_closed(), "everybody can read it"
    assert await harness.message_titles() == [None]


async def test_a_review_goes_to_a_channel_that_became_private(harness: WireHarness) -> None:
    guild = await harness.wire.add_guild("text", "text:desk", everyone=0)
    harness.guild, harness.channel = guild, guild.channels[1].id
    await harness.bot.store.moderation.reviews.set_channel(guild.id, harness.channel, 5, harness.clock(), _MAX_AGE)
    await harness.send_card("held", published="false", heat=60)

    assert await harness.message_titles() == ["Title of held"]
