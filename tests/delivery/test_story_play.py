"""The life of a story of feeds' cards on the wire Discord: it grows for days, is split, joined, and all that undone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import NamedTuple

from bot.cards.model import Provider
from bot.domain.subscription import Frequency, SubscriptionOptions
from tests.support.follows import add_feed, follow_feed, import_items, make_item
from tests.support.line import WireHarness
from tests.wire.results import WireMessage

COMET, FERRY = "Comet Halley nears planet Earth tonight", "Ferry company confirms the sale of its oldest ship"
EVERY_MORNING = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),))
_PUBLISHER, _MORE = re.compile(r"https://(\w)\w+\.example/"), re.compile(r"\+\d+")


class Counts(NamedTuple):
    """What was ever done in a channel."""

    posts: int
    edits: int = 0
    deletes: int = 0


class Post(NamedTuple):
    """A message of one story: initials of the publishers of its card, and of those that it is also covered by."""

    lead: str
    covered: str = ""


@dataclass
class StoryPlay:
    """A server that follows feeds, with a text channel, a forum, and a channel for digests."""

    harness: WireHarness
    guild: int
    text: int
    forum: int
    digest: int

    async def report(self, publisher: str, title: str = COMET) -> None:
        """Let a publisher's feed bring a card, and deliver it."""
        store, now = self.harness.bot.store, self.harness.clock()
        site = f"{publisher}.example"
        card = make_item(
            publisher,
            title=title,
            provider=Provider(publisher.capitalize(), site),
            url=f"https://{site}/1",
            aliases=(f"{site}/1",),
            published_at=now,
        )
        feed = await add_feed(store, publisher)
        await follow_feed(store, self.guild, feed, followed_at=now)
        self.harness.clock.advance(minutes=1)
        await import_items(store, feed, card, now=self.harness.clock())
        await self.harness.deliver_due()

    async def pass_time(self, hours: int) -> None:
        for _ in range(0, hours, 3):
            await self.harness.deliver_due(hours=3)

    async def use_desk(self, command: str, **options: str) -> None:
        """Use a command of the desk, and let the posts follow, at once and in the hour after."""
        assert (await self.harness.wire.run_slash(self.text, f"desk {command}", options)).replied
        await self.harness.deliver_due()
        await self.harness.deliver_due(minutes=50)

    async def count(self) -> list[Counts]:
        """What was ever done in the three channels."""
        text, digest = [await self.harness.wire.list_messages(each, deleted=True) for each in (self.text, self.digest)]
        posts = await self.harness.wire.list_posts(self.forum, deleted=True)
        return [_count(each) for each in (text, [message for post in posts for message in post.content], digest)]

    async def list_posts(self) -> list[list[Post]]:
        """What stands in the two instant channels."""
        text = await self.harness.wire.list_messages(self.text)
        forum = [message for post in await self.harness.wire.list_posts(self.forum) for message in post.content]
        return [[_read_post(each) for each in messages] for messages in (text, forum)]

    async def list_digests(self) -> list[Post]:
        return [_read_post(each) for each in await self.harness.wire.list_messages(self.digest)]


def _count(messages: Sequence[WireMessage]) -> Counts:
    edits, deleted = sum(len(each.revisions) for each in messages), sum(bool(each.deleted) for each in messages)
    return Counts(len(messages), edits, deleted)


def _read_post(message: WireMessage) -> Post:
    (embed,) = message.embeds
    covered = " ".join(field["value"] for field in embed.get("fields", ()))
    more = "".join(_MORE.findall(covered))
    return Post(_PUBLISHER.findall(embed["url"])[0], "".join(_PUBLISHER.findall(covered)) + more)


async def open_play(harness: WireHarness) -> StoryPlay:
    guild = await harness.wire.add_guild("text", "forum", "text")
    text, forum, digest = [each.id for each in guild.channels]
    for channel, options in ((text, None), (forum, None), (digest, EVERY_MORNING)):
        await harness.bot.store.subscriptions.add_subscription(
            guild_id=guild.id,
            channel_id=channel,
            created_by=1,
            now=harness.clock(),
            options=options,
            forum=channel == forum,
        )
    return StoryPlay(harness, guild.id, text, forum, digest)


async def test_a_story_grows_for_two_days_and_is_split_joined_and_undone(harness: WireHarness) -> None:
    play = await open_play(harness)
    for day in ("alpha", "beta"), ("gamma", "delta"):
        for publisher in day:
            await play.report(publisher)
            await play.pass_time(hours=12)
            await harness.restart_bot()
    await play.report("epsilon")
    await play.report("ferries", FERRY)
    # One post, edited with each publisher that joined the story.
    grown = Post("a", "bgd+1")
    assert await play.list_posts() == [[grown, Post("f")]] * 2
    assert await play.count() == [Counts(2, edits=4), Counts(2, edits=4), Counts(1)]
    await play.pass_time(hours=24)
    # The first digest stays as it was, and the second tells the other story alone.
    digests = [Post("b"), Post("f")]
    assert await play.list_digests() == digests

    assert await play.count() == [Counts(2, edits=4), Counts(2, edits=4), Counts(2)]

    await harness.connect_gateway()  # commands come from there
    await play.use_desk("split", card="epsilon")
    separate = [Post("a", "bgd"), Post("f"), Post("e")]
    await play.pass_time(hours=24)
    assert await play.list_posts() == [separate] * 2
    digests.append(Post("e"))
    assert await play.list_digests() == digests
    assert await play.count() == [Counts(3, edits=5), Counts(3, edits=5), Counts(3)]

    await play.use_desk("join", card="epsilon", story="alpha")
    together = [Post("a", "bgd+1"), Post("f"), Post("e", "abg+1")]
    assert await play.list_posts() == [together] * 2
    assert await play.count() == [Counts(3, edits=7), Counts(3, edits=7), Counts(3)]

    await harness.connect_gateway()
    await play.use_desk("undo", card="epsilon")
    assert await play.list_posts() == [separate] * 2
    assert await play.count() == [Counts(3, edits=9), Counts(3, edits=9), Counts(3)]

    await harness.connect_gateway()
    await play.use_desk("undo", card="epsilon")
    # The split is undone as well: its post stays, and both list the whole story.
    assert await play.list_posts() == [together] * 2
    assert await play.count() == [Counts(3, edits=11), Counts(3, edits=11), Counts(3)]

    # One more publisher: both posts are edited. With the next, a minute later, only the newest of them is at once.
    for publisher, edits in (("zeta", 13), ("theta", 14)):
        await play.report(publisher)
        assert await play.count() == [Counts(3, edits), Counts(3, edits), Counts(3)]
    await harness.deliver_due(minutes=20)
    complete = [Post("a", "bgd+3"), Post("f"), Post("e", "zta+3")]
    assert await play.list_posts() == [complete] * 2
    assert await play.count() == [Counts(3, edits=15), Counts(3, edits=15), Counts(3)]

    await play.pass_time(hours=24)
    assert await play.list_digests() == digests
    assert await play.count() == [Counts(3, edits=15), Counts(3, edits=15), Counts(3)]
