"""The demo without a browser: a scripted story that verifies the bot's output at each step."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import discord
from rich.console import Console

from bot.app import utc_now
from bot.demo.discord_world import Channel, Message, Person, answered
from bot.demo.narrator import Narrator
from bot.demo.stage import DIGEST_TOPICS, Stage, set_up

_ARRIVING = 3
_HELD = "InfoWorld"  # held upstream; its title arrived with mojibake: InfoWorldâ€™s
_TORN = "â€"


class StoryError(Exception):
    """A step did not show what it should; the message says which."""


async def play(console: Console | None = None) -> int:
    """Play the story. Return 0, or 1 as soon as a step fails."""
    narrator, began = Narrator(console or Console(highlight=False)), perf_counter()
    try:
        async with set_up(background=False) as stage:
            await _Story(stage, narrator).tell()
    except (StoryError, LookupError, TimeoutError) as error:
        narrator.failed(str(error))
        return 1
    narrator.chapter("The end")
    narrator.says(f"Everything above was the real bot on an offline Discord; it took {perf_counter() - began:.1f} s.")
    narrator.says("In a browser, to click and type yourself: newsdesk demo")
    return 0


class _Story:
    def __init__(self, stage: Stage, narrator: Narrator) -> None:
        self.stage = stage
        self.narrator = narrator

    async def tell(self) -> None:
        self.narrator.introduce(self.stage.world.channels.values(), (self.stage.admin, self.stage.member))
        await self.load()
        await self.subscribe()
        await self.cards_arrive()
        await self.read()
        await self.publish()
        await self.undo()
        await self.digest()
        await self.withdraw()
        await self.refuse()

    async def load(self) -> None:
        self.narrator.chapter("The bot starts and loads its folder of cards")
        report = await self.stage.bot.newsroom.load()
        _expect(report.added > 0 and not report.problems, f"the cards load without problems, not {report.counts()}")
        self._counts(report.counts())
        await self.stage.bot.newsroom.tick()

    def _counts(self, counts: dict[str, Any]) -> None:
        wanted = ("files", "cards", "added", "unchanged", "skipped", "problems")
        self.narrator.says(", ".join(f"{name} {counts[name]}" for name in wanted))

    async def subscribe(self) -> None:
        self.narrator.chapter("Two channels subscribe")
        stage = self.stage
        everything = await self._command(stage.admin, stage.news, "digest subscribe", channel=stage.news)
        _expect("Every topic" in everything.text, "#news is subscribed to every topic")
        topics = ", ".join(DIGEST_TOPICS)
        wish: dict[str, Any] = {"when": "daily", "at": "9:00", "timezone": "Europe/Berlin", "topics": topics}
        some = await self._command(stage.admin, stage.news, "digest subscribe", channel=stage.digest, **wish)
        _expect("Daily at 09:00" in some.text, "#digest is subscribed to a daily digest")
        await stage.bot.newsroom.tick()
        _expect(not self._posts(stage.news), "cards that were out before are not posted")

    async def cards_arrive(self) -> None:
        stage = self.stage
        self.narrator.chapter(f"{_ARRIVING} new cards are saved in the folder")
        list(stage.newsstand.published(_ARRIVING, utc_now()))
        self._counts((await stage.bot.newsroom.load()).counts())
        await self._post_until(stage.news, _ARRIVING)

    async def read(self) -> None:
        self.narrator.chapter("A member reads")
        stage = self.stage
        latest = await self._command(stage.member, stage.news, "latest", count=3)
        _expect(len(latest.embeds) == 3, "/latest shows three cards")
        found = await self._command(stage.member, stage.news, "search", query="black hole")
        _expect("black hole" in found.text.casefold(), "/search finds the black holes")
        topics = await self._command(stage.member, stage.news, "topics")
        _expect("Astronomy" in topics.text, "/topics names Astronomy")

    async def publish(self) -> None:
        self.narrator.chapter("Held cards come before the moderators, one of whom publishes one")
        stage, before = self.stage, len(self._posts(self.stage.news))
        named = await self._command(stage.admin, stage.desk, "desk channel", channel=stage.desk)
        _expect("Held cards now come to" in named.text, "#desk is the place for held cards")
        await stage.bot.newsroom.tick()
        review = self._review()
        self.narrator.posted(stage.desk, review)
        _expect("Held: " in review.text, "a review says why its card is held")
        await self._click(stage.admin, stage.desk, review, "Publish")
        await self._post_until(stage.news, before + 1)
        title = self._posts(stage.news)[-1].embeds[0].title or ""
        _expect(_HELD in title and _TORN not in title, f"the card's title is repaired, not {title!r}")
        self.narrator.says("Its title came torn (InfoWorldâ€™s) and is mended.")

    def _review(self) -> Message:
        found = [post for post in self._posts(self.stage.desk) if _HELD in (post.embeds[0].title or "")]
        _expect(len(found) == 1, f"the card of {_HELD} is under review once, not {len(found)} times")
        return found[0]

    async def undo(self) -> None:
        self.narrator.chapter("The decision is taken back, and taken again")
        stage, before = self.stage, len(self._posts(self.stage.news))
        for label, posts in (("↩️ Undo", before - 1), ("Publish", before)):
            await self._click(stage.admin, stage.desk, self._review(), label)
            await self._post_until(stage.news, posts)
        log = await self._command(stage.admin, stage.desk, "desk log")
        _expect(log.text.count(_HELD) == 3, "the log holds what was decided and what was taken back")

    async def _click(self, person: Person, channel: Channel, message: Message, label: str) -> None:
        """Click a button, and show the updated message."""
        self.narrator.does(person, channel, f"[{label}]")
        await self.stage.world.click(person, message, label.rpartition(" ")[2])
        (changed,) = [each for each in self._posts(channel) if each.id == message.id]
        self.narrator.answered(changed)

    async def digest(self) -> None:
        self.narrator.chapter("The digest of #digest is looked at, and sent before its time")
        stage = self.stage
        choices = await stage.world.suggestions(stage.admin, stage.news, "digest preview", "subscription", "digest")
        chosen, spoken = choices[0]["value"], {"subscription": choices[0]["name"]}
        preview = await self._command(stage.admin, stage.digest, "digest preview", spoken=spoken, subscription=chosen)
        _expect(_HELD in preview.text, "the card that was just published is in the digest")
        sent = await self._command(stage.admin, stage.digest, "digest now", spoken=spoken, subscription=chosen)
        _expect("on its way" in sent.text, "the digest is sent at once")
        await self._post_until(stage.digest, 1)
        (digest,) = self._posts(stage.digest)
        _expect(
            all(_is_about(embed, DIGEST_TOPICS) for embed in digest.embeds), "every card of it has one of its topics"
        )
        _expect([each.title for each in digest.embeds] == [each.title for each in preview.embeds], "it is as previewed")

    async def withdraw(self) -> None:
        self.narrator.chapter("A moderator takes a card away again")
        stage, before = self.stage, self._posts(self.stage.news)
        done = await self._on_card("desk withdraw", _HELD, reason="Too old to be news")
        _expect("is withdrawn" in done.text, "/desk withdraw withdraws")
        await stage.bot.newsroom.tick()
        gone = {post.id for post in before} - {post.id for post in self._posts(stage.news)}
        _expect(gone == {before[-1].id}, "the post of the withdrawn card, and no other, is gone from #news")
        (digest,) = self._posts(stage.digest)
        _expect(all(_HELD not in (embed.title or "") for embed in digest.embeds), "it is gone from the digest")
        self.narrator.says(
            f"Its post is gone from #news, where {len(before) - 1} are left, and the digest in #digest is without it."
        )

    async def refuse(self) -> None:
        self.narrator.chapter("A member tries the desk")
        stage = self.stage
        self.narrator.says("Members do not see /desk. Here the server shows it to them; the bot still asks for more:")
        await stage.world.open_command("desk", stage.member)
        refused = await self._command(stage.member, stage.news, "desk queue")
        _expect("Manage Messages" in refused.text and not refused.embeds, "a member is refused in words")

    async def _command(
        self, person: Person, channel: Channel, command: str, /, *, spoken: dict[str, str] | None = None, **options: Any
    ) -> Message:
        """Run a command and show the response. `spoken` are the displayed names of chosen options."""
        shown = {name: f"#{value.name}" if isinstance(value, Channel) else value for name, value in options.items()}
        words = [f"{name}:{value}" for name, value in (shown | (spoken or {})).items()]
        self.narrator.does(person, channel, " ".join([f"/{command}", *words]))
        message = answered(await self.stage.world.slash(person, channel, command, **options))
        self.narrator.answered(message)
        return message

    async def _on_card(self, command: str, typed: str, **options: Any) -> Message:
        """Run a /desk command on the first suggested card."""
        stage = self.stage
        choices = await stage.world.suggestions(stage.admin, stage.desk, command, "card", typed)
        _expect(bool(choices), f"/{command} completes {typed!r}")
        chosen, spoken = choices[0]["value"], {"card": choices[0]["name"]}
        return await self._command(stage.admin, stage.desk, command, spoken=spoken, card=chosen, **options)

    async def _post_until(self, channel: Channel, count: int) -> None:
        """Run the courier, and show what it posted in a channel."""
        before = {message.id for message in self._posts(channel)}
        await self.stage.bot.newsroom.tick()
        posts = self._posts(channel)
        for message in posts:
            if message.id not in before:
                self.narrator.posted(channel, message)
        _expect(len(posts) == count, f"#{channel.name} holds {count} posts, not {len(posts)}")

    def _posts(self, channel: Channel) -> list[Message]:
        return [message for message in self.stage.world.messages(channel) if message.embeds and not message.private]


def _is_about(embed: discord.Embed, topics: tuple[str, ...]) -> bool:
    return bool(set(topics) & set((embed.footer.text or "").split(" · ")))


def _expect(held: bool, what: str) -> None:
    if not held:
        raise StoryError(f"expected that {what}.")
