"""The demo without a browser: a scripted story that verifies the bot's output at each step."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import discord
from rich.console import Console

from bot.clock import utc_now
from bot.demo.environment import DIGEST_TOPICS, DemoEnvironment, open_environment
from bot.demo.fake_discord import Channel, Message, Person, answer_message
from bot.demo.feed_site import ADDRESS, PAGE_ADDRESS, TITLE
from bot.demo.narrator import Narrator

_ARRIVING = 3
_HELD = "InfoWorld"  # held upstream; its title arrived with mojibake: InfoWorldâ€™s
_TORN = "â€"
_FOLLOW = "Follow this feed"
_NEW_TITLE = "Regatta a week later"


class StoryError(Exception):
    """A step did not show what it should; the message says which."""


async def play_story(console: Console | None = None) -> int:
    """Play the story. Return 0, or 1 as soon as a step fails."""
    narrator, began = Narrator(console or Console(highlight=False)), perf_counter()
    try:
        async with open_environment(background=False) as stage:
            await _Story(stage, narrator).tell_story()
    except (StoryError, LookupError, TimeoutError) as error:
        narrator.print_failure(str(error))
        return 1
    narrator.print_chapter("The end")
    narrator.print_line(
        f"Everything above was the real bot on an offline Discord; it took {perf_counter() - began:.1f} s."
    )
    narrator.print_line("In a browser, to click and type yourself: newsdesk demo")
    return 0


class _Story:
    def __init__(self, environment: DemoEnvironment, narrator: Narrator) -> None:
        self.environment = environment
        self.narrator = narrator

    async def tell_story(self) -> None:
        self.narrator.add_names(
            self.environment.discord.channels.values(), (self.environment.admin, self.environment.member)
        )
        await self.load_cards()
        await self.subscribe_channels()
        await self.cards_arrive()
        await self.read_cards()
        await self.publish_card()
        await self.undo_decision()
        await self.send_digest()
        await self.withdraw_card()
        await self.follow_feed()
        await self.submit_link()
        await self.refuse_member()

    async def load_cards(self) -> None:
        self.narrator.print_chapter("The bot loads its folder of cards", "Each card is a file.")
        report = await self.environment.bot.pipeline.load_cards()
        _check_step(
            report.added > 0 and not report.problems, f"the cards load without problems, not {report.to_counts()}"
        )
        self.narrator.print_line(f"{report.added} cards loaded.")
        await self.environment.bot.pipeline.plan_and_deliver()

    async def subscribe_channels(self) -> None:
        self.narrator.print_chapter(
            "An administrator subscribes two channels",
            "#news gets each new card, #digest the best about two topics once a day.",
        )
        stage = self.environment
        everything = await self._run_command(stage.admin, stage.news, "digest subscribe", channel=stage.news)
        _check_step("Every topic" in everything.text, "#news is subscribed to every topic")
        topics = ", ".join(DIGEST_TOPICS)
        options: dict[str, Any] = {"when": "daily", "at": "9:00", "timezone": "Europe/Berlin", "topics": topics}
        some = await self._run_command(stage.admin, stage.news, "digest subscribe", channel=stage.digest, **options)
        _check_step("Daily at 09:00" in some.text, "#digest is subscribed to a daily digest")
        await stage.bot.pipeline.plan_and_deliver()
        _check_step(not self._get_posts(stage.news), "cards that were out before are not posted")

    async def cards_arrive(self) -> None:
        stage = self.environment
        self.narrator.print_chapter(
            f"{_ARRIVING} new cards come in", "They are saved in the folder, and posted where somebody subscribed."
        )
        list(stage.feed.write_published(_ARRIVING, utc_now()))
        await stage.bot.pipeline.load_cards()
        await self._deliver_until(stage.news, _ARRIVING)

    async def read_cards(self) -> None:
        self.narrator.print_chapter(
            "A member browses the news", "Only the person who runs a command sees the answer, until they share it."
        )
        stage = self.environment
        latest = await self._run_command(stage.member, stage.news, "latest", count=3)
        _check_step(len(latest.embeds) == 3, "/latest shows three cards")
        found = await self._run_command(stage.member, stage.news, "search", query="black hole")
        _check_step("black hole" in found.text.casefold(), "/search finds the black holes")
        topics = await self._run_command(stage.member, stage.news, "topics")
        _check_step("Astronomy" in topics.text, "/topics names Astronomy")

    async def publish_card(self) -> None:
        self.narrator.print_chapter(
            "A moderator publishes a held card", "Cards that aren't marked as published wait for a decision in #desk."
        )
        stage, before = self.environment, len(self._get_posts(self.environment.news))
        named = await self._run_command(stage.admin, stage.desk, "desk channel", channel=stage.desk)
        _check_step("Held cards are now posted in" in named.text, "#desk is the place for held cards")
        await stage.bot.pipeline.plan_and_deliver()
        review = self._find_review()
        self.narrator.print_post(stage.desk, review)
        _check_step("Held: " in review.text, "a review says why its card is held")
        await self._click_button(stage.admin, stage.desk, review, "Publish")
        await self._deliver_until(stage.news, before + 1)
        title = self._get_posts(stage.news)[-1].embeds[0].title or ""
        _check_step(_HELD in title and _TORN not in title, f"the card's title is repaired, not {title!r}")
        self.narrator.print_line("Its title was encoded wrongly (InfoWorldâ€™s) and is repaired.")

    def _find_review(self) -> Message:
        found = [post for post in self._get_posts(self.environment.desk) if _HELD in (post.embeds[0].title or "")]
        _check_step(len(found) == 1, f"the card of {_HELD} is under review once, not {len(found)} times")
        return found[0]

    async def undo_decision(self) -> None:
        self.narrator.print_chapter(
            "The moderator undoes that, then publishes again", "The post in #news goes and comes back; it's all logged."
        )
        stage, before = self.environment, len(self._get_posts(self.environment.news))
        for label, posts in (("↩️ Undo", before - 1), ("Publish", before)):
            await self._click_button(stage.admin, stage.desk, self._find_review(), label)
            await self._deliver_until(stage.news, posts)
        log = await self._run_command(stage.admin, stage.desk, "desk log")
        _check_step(log.text.count(_HELD) == 3, "the log holds what was decided and what was taken back")

    async def _click_button(self, person: Person, channel: Channel, message: Message, label: str) -> None:
        """Click a button, and show the updated message."""
        self.narrator.print_action(person, channel, f"[{label}]")
        await self.environment.discord.click_button(person, message, label.rpartition(" ")[2])
        (changed,) = [each for each in self._get_posts(channel) if each.id == message.id]
        self.narrator.print_update(changed)

    async def send_digest(self) -> None:
        self.narrator.print_chapter(
            "An administrator previews the digest, and sends it right away", "Otherwise it would come at 9:00."
        )
        stage = self.environment
        choices = await stage.discord.get_suggestions(
            stage.admin, stage.news, "digest preview", "subscription", "digest"
        )
        selected, spoken = choices[0]["value"], {"subscription": choices[0]["name"]}
        preview = await self._run_command(
            stage.admin, stage.digest, "digest preview", spoken=spoken, subscription=selected
        )
        _check_step(_HELD in preview.text, "the card that was just published is in the digest")
        sent = await self._run_command(stage.admin, stage.digest, "digest now", spoken=spoken, subscription=selected)
        _check_step("on its way" in sent.text, "the digest is sent at once")
        await self._deliver_until(stage.digest, 1, shown=False)
        (digest,) = self._get_posts(stage.digest)
        _check_step(
            all(_is_about(embed, DIGEST_TOPICS) for embed in digest.embeds), "every card of it has one of its topics"
        )
        _check_step(
            [each.title for each in digest.embeds] == [each.title for each in preview.embeds], "it is as previewed"
        )
        self.narrator.print_line(f"#digest gets the same {len(digest.embeds)} cards.")

    async def withdraw_card(self) -> None:
        self.narrator.print_chapter("A moderator withdraws a card", "Its posts are removed, from digests as well.")
        stage, before = self.environment, self._get_posts(self.environment.news)
        done = await self._run_on_card("desk withdraw", _HELD, reason="Too old to be news")
        _check_step("Withdrew" in done.text, "/desk withdraw withdraws")
        await stage.bot.pipeline.plan_and_deliver()
        removed = {post.id for post in before} - {post.id for post in self._get_posts(stage.news)}
        _check_step(removed == {before[-1].id}, "the post of the withdrawn card, and no other, is gone from #news")
        (digest,) = self._get_posts(stage.digest)
        _check_step(all(_HELD not in (embed.title or "") for embed in digest.embeds), "it is gone from the digest")
        self.narrator.print_line("It's gone from #news and from the digest in #digest.")

    async def follow_feed(self) -> None:
        self.narrator.print_chapter(
            "An administrator follows a feed", "Its new entries become cards, which this server publishes at once."
        )
        stage, before = self.environment, len(self._get_posts(self.environment.news))
        options: dict[str, Any] = {"url": ADDRESS, "policy": "publish", "newest": 1}
        preview = await self._run_command(stage.admin, stage.news, "feed add", **options)
        _check_step(TITLE in preview.text and len(preview.embeds) == 3, "the preview shows three cards of the feed")
        self.narrator.print_action(stage.admin, stage.news, f"[{_FOLLOW}]")
        # In the background here, as in every process that runs for long.
        polling = asyncio.create_task(stage.bot.feeds.poller.run_polling(lambda: True))
        try:
            done = answer_message(await stage.discord.click_button(stage.admin, preview, _FOLLOW))
        finally:
            polling.cancel()
            await asyncio.wait([polling])
        self.narrator.print_answer(done)
        _check_step("newest card is published" in done.text, "the newest card of the feed is published")
        await self._deliver_until(stage.news, before + 1)
        listed = await self._run_command(stage.admin, stage.news, "feed list")
        _check_step("fine" in listed.text, "/feed list says that the feed is fine")

    async def submit_link(self) -> None:
        self.narrator.print_chapter(
            "A member submits a link", "A moderator gives it a shorter title, and publishes it."
        )
        stage, before = self.environment, len(self._get_posts(self.environment.news))
        preview = await self._run_command(stage.member, stage.news, "submit", url=PAGE_ADDRESS)
        _check_step("Regatta" in preview.text, "the preview shows what the page says of itself")
        self.narrator.print_action(stage.member, stage.news, "[Submit]")
        self.narrator.print_answer(answer_message(await stage.discord.click_button(stage.member, preview, "Submit")))
        await stage.bot.pipeline.plan_and_deliver()
        review = self._get_posts(stage.desk)[-1]
        _check_step("Regatta" in (review.embeds[0].title or ""), "the link comes before the moderators")
        await self._edit_title(review, _NEW_TITLE)
        await self._click_button(stage.admin, stage.desk, review, "Publish")
        await self._deliver_until(stage.news, before + 1)
        title = self._get_posts(stage.news)[-1].embeds[0].title
        _check_step(title == _NEW_TITLE, f"it is posted under its new title, not {title!r}")

    async def _edit_title(self, review: Message, title: str) -> None:
        stage = self.environment
        self.narrator.print_action(stage.admin, stage.desk, f"[Edit] title:{title}")
        shown = answer_message(await stage.discord.click_button(stage.admin, review, "Edit"))
        form = await stage.discord.click_button(stage.admin, shown, "Edit…")
        done = answer_message(await stage.discord.submit_modal(stage.admin, form, Title=title))
        self.narrator.print_answer(done)
        _check_step(title in done.text, "the card has its new title")

    async def refuse_member(self) -> None:
        self.narrator.print_chapter(
            "A member tries to moderate",
            "Members don't see /desk. Even if a server shows it to them, they can't use it.",
        )
        stage = self.environment
        # Discord hides the command from members, so the refusal is shown by letting one see it.
        await stage.discord.allow_command("desk", stage.member)
        refused = await self._run_command(stage.member, stage.news, "desk queue")
        _check_step("Manage Messages" in refused.text and not refused.embeds, "a member is refused in words")

    async def _run_command(
        self, person: Person, channel: Channel, command: str, /, *, spoken: dict[str, str] | None = None, **options: Any
    ) -> Message:
        """Run a command and show the response. `spoken` are the displayed names of chosen options."""
        shown = {name: f"#{value.name}" if isinstance(value, Channel) else value for name, value in options.items()}
        words = [f"{name}:{value}" for name, value in (shown | (spoken or {})).items()]
        self.narrator.print_action(person, channel, " ".join([f"/{command}", *words]))
        message = answer_message(await self.environment.discord.run_command(person, channel, command, **options))
        self.narrator.print_answer(message)
        return message

    async def _run_on_card(self, command: str, typed: str, **options: Any) -> Message:
        """Run a /desk command on the first suggested card."""
        stage = self.environment
        choices = await stage.discord.get_suggestions(stage.admin, stage.desk, command, "card", typed)
        _check_step(bool(choices), f"/{command} completes {typed!r}")
        selected, spoken = choices[0]["value"], {"card": choices[0]["name"]}
        return await self._run_command(stage.admin, stage.desk, command, spoken=spoken, card=selected, **options)

    async def _deliver_until(self, channel: Channel, count: int, *, shown: bool = True) -> None:
        """Run the courier; `shown` is what it posted in a channel."""
        before = {message.id for message in self._get_posts(channel)}
        await self.environment.bot.pipeline.plan_and_deliver()
        posts = self._get_posts(channel)
        for message in posts:
            if shown and message.id not in before:
                self.narrator.print_post(channel, message)
        _check_step(len(posts) == count, f"#{channel.name} holds {count} posts, not {len(posts)}")

    def _get_posts(self, channel: Channel) -> list[Message]:
        return [
            message
            for message in self.environment.discord.get_messages(channel)
            if message.embeds and not message.private
        ]


def _is_about(embed: discord.Embed, topics: tuple[str, ...]) -> bool:
    return bool(set(topics) & set((embed.footer.text or "").split(" · ")))


def _check_step(held: bool, what: str) -> None:
    if not held:
        raise StoryError(f"expected that {what}.")
