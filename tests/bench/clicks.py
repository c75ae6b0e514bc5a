"""Whether clicks tell the truth when there are many of them: `python -m tests.bench.clicks [MEMBERS [CLICKS]]`.

Against the wire Discord, with `newsdesk run` and everything else on this machine:

* a flood: 1,000 members press *Save* within a second, beside a bare discord.py bot that does nothing but defer, in the
  same run;
* a busy machine: 2,400 clicks of several kinds, 40 a second, while a process for each core does nothing but count.

A click is acknowledged in time or it is late; then it is done, or the reply is that the bot is busy. A lie is
whatever was said and is not so: an apology or "not open any more" for a proper request, "busy" for what was
done, "Saved" for what was not, a failed click that was carried out all the same, and silence.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.store import open_store
from tests.bench.table import p50, p99, print_table
from tests.crash.process import BotProcess
from tests.support.stores import query_database
from tests.wire.client import Person, WireDiscord
from tests.wire.process import Address
from tests.wire.results import Outcome, WireMessage

_IN_TIME = 3000.0
"""Milliseconds that Discord waits for an acknowledgement."""
_FALSE = ("expired", "something went wrong", "no longer available")
_BUSY = "I'm busy"
_RATE = 40.0


@dataclass(frozen=True, slots=True)
class ClickResult:
    """What came of a click. `done` is whether the store knows of it; None where it leaves no trace there."""

    outcome: Outcome
    expected: str | None
    """To be read in the answer; None where there is to be none."""
    done: bool | None = None

    @property
    def was_in_time(self) -> bool:
        return self.outcome.acknowledged and (self.outcome.ack_ms or 0.0) <= _IN_TIME

    @property
    def was_busy(self) -> bool:
        return _BUSY in self.outcome.words

    @property
    def was_wrong(self) -> bool:
        words = self.outcome.words
        if self.expected is None:
            return False
        if not self.was_in_time:
            return bool(self.done)
        if self.was_busy:
            return bool(self.done)
        if not self.outcome.replied or any(each in words for each in _FALSE):
            return True
        return self.done is False or self.expected not in _full_text(self.outcome)


def _full_text(outcome: Outcome) -> str:
    embeds = [each for message in (outcome.reply, *outcome.followups) if message for each in message.embeds]
    return f"{outcome.words} {embeds}"


def format_row(name: str, clicks: Sequence[ClickResult], beside: float | None = None) -> list[str]:
    times = [each.outcome.ack_ms or 0.0 for each in clicks if each.was_in_time] or [0.0]
    counts: list[int] = [
        len(clicks),
        sum(each.was_in_time for each in clicks),
        sum(not each.was_in_time for each in clicks),
        sum(each.was_in_time and each.outcome.replied and not each.was_busy for each in clicks),
        sum(each.was_busy for each in clicks),
        sum(each.was_wrong for each in clicks),
    ]
    half = p50(times)
    ratio = f"{half / beside:.1f}" if beside else "1"
    return [name, *map(str, counts), f"{half:.0f} ms", f"{p99(times):.0f} ms", f"{max(times):.0f} ms", ratio]


HEAD = ("clicks", "all", "in time", "late", "answered", "busy", "lied", "half", "99 %", "slowest", "ratio")


async def run_flood(wire: WireDiscord, folder: Path, members: int) -> list[list[str]]:
    """The bare bot first, then Newsdesk, each with a post of its own."""
    people = [Person(f"member-{number}") for number in range(members)]
    await wire.reset_world(limits=False)
    guild = await wire.add_guild("text")
    with _run_bare_bot(wire.address, guild.channels[0].id):
        (message,) = await wire.wait_for_messages(guild.channels[0].id, 1, within=30)
        await wire.wait_for_sessions(within=30)
        found = await wire.run_flood([wire.click_form(message, "bare", each) for each in people], 1.0, patience=5.0)
    bare = [ClickResult(each, None) for each in found if each]
    with BotProcess(folder / "flood", wire.address.api, log_level="WARNING") as bot:
        (message,) = await _start_furnished(wire, bot, 1)
        found = await wire.run_flood([wire.click_form(message, "nd:save", each) for each in people], 1.0)
        bot.terminate()
    saved = {user for (user,) in query_database(bot.url, "SELECT user_id FROM saved_cards")}
    ids = [await wire.get_user_id(each.name) for each in people]
    ours = [ClickResult(each, "Saved.", user in saved) for each, user in zip(found, ids, strict=True) if each]
    _explain(ours)
    half = p50([each.outcome.ack_ms or 0.0 for each in bare])
    return [format_row("a bare bot that defers", bare), format_row("Save, within 1 s", ours, half)]


_KINDS = {
    "nd:save": "aved",
    "nd:more": "of the crash test",
    "nd:review:y": "",
    "nd:review:p": "",
    "nd:turn": "of the crash test",
}
"""What is clicked, and what is to be read in the answer."""


async def run_busy_machine(wire: WireDiscord, folder: Path, clicks: int) -> list[list[str]]:
    """Members and moderators at a steady rate, on a machine that has no time."""
    chance = random.Random(7)
    with BotProcess(folder / "busy", wire.address.api, log_level="WARNING") as bot:
        posts = await _start_furnished(wire, bot, 20, held=20)
        listed = [await wire.run_slash(posts[0].channel_id, "latest", within=30) for _ in range(3)]
        at = {kind: [each for each in posts if _has_button(each, kind)] for kind in _KINDS}
        at["nd:turn"] = [each.reply for each in listed if each.reply]
        kinds = chance.choices(list(_KINDS), k=clicks)
        people = [Person(f"member-{number % 500}") for number in range(clicks)]
        acts = [wire.click_form(chance.choice(at[kind]), kind, who) for kind, who in zip(kinds, people, strict=True)]
        with _burn_processors():
            found = await wire.run_flood(acts, clicks / _RATE, patience=30.0)
        bot.terminate()
    made = [ClickResult(outcome, _KINDS[kind]) for outcome, kind in zip(found, kinds, strict=True) if outcome]
    _explain(made)
    ((decided,),) = query_database(bot.url, "SELECT count(*) FROM decisions")
    published = [each for each, kind in zip(found, kinds, strict=True) if each and kind == "nd:review:p"]
    messages = sum("faster" not in each.words and _BUSY not in each.words for each in published)
    print(f"{messages} clicks on Publish were answered that they published a card; {decided} cards are published")
    return [format_row("several kinds, busy machine", made)]


def _has_button(message: WireMessage, beginning: str) -> bool:
    return any(str(part.get("custom_id")).startswith(beginning) for part in message.parts)


async def _start_furnished(wire: WireDiscord, bot: BotProcess, cards: int, held: int = 0) -> list[WireMessage]:
    """The bot with a channel of posts, and with a desk of held cards when there are some."""
    await wire.reset_world(limits=False)
    guild = await wire.add_guild("text:news", "text:desk", everyone=0)
    news, desk = (channel.id for channel in guild.channels)
    await bot.prepare_store([news], guild.id, cards + held)
    for path in bot.cards.glob("*.md"):
        text = path.read_text("utf-8").replace("topics:", f"related: {_RELATED}\ntopics:")
        if int(path.stem) >= cards:
            text = text.replace("published: true", "published: false")
        path.write_text(text, "utf-8")
    if held:
        async with open_store(bot.url) as store:
            await store.moderation.reviews.set_channel(guild.id, desk, held, datetime.now(UTC), timedelta(days=14))
    bot.start()
    await wire.wait_for_sessions(within=30)
    posts = await wire.wait_for_messages(news, cards, within=120)
    if held:
        posts += await wire.wait_for_messages(desk, held, within=120)
    return posts


_RELATED = '[{webUrl: "https://example.net/x", title: Another story, provider: {name: Other}}]'


def _explain(clicks: Sequence[ClickResult]) -> None:
    """What was said that is not so, most frequent first."""
    false = Counter(f"{each.outcome.words[:100]!r}, {each.outcome.refused}" for each in clicks if each.was_wrong)
    for words, count in false.most_common(10):
        print(f"  {count} lied: {words}")


class _BareClient(discord.Client):
    """A bot that posts one button and defers whatever is clicked."""

    def __init__(self, channel_id: int) -> None:
        super().__init__(intents=discord.Intents(guilds=True))
        self._channel_id = channel_id

    async def on_ready(self) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Save", custom_id="bare"))
        view.stop()
        await self.get_partial_messageable(self._channel_id).send("A post", view=view)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)


@contextmanager
def _run_bare_bot(at: Address, channel_id: int) -> Iterator[None]:
    words = ["--bare", at.api, at.gateway, str(channel_id)]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.clicks", *words])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _count_for_ever() -> None:
    number = 0
    while True:
        number += 1


@contextmanager
def _burn_processors() -> Iterator[None]:
    """A process for each core that has something better to do."""
    processes = [multiprocessing.Process(target=_count_for_ever, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


async def main(members: int = 1000, clicks: int = 2400) -> None:
    print(f"{os.cpu_count()} cores for the bot and for Discord; load {os.getloadavg()[0]:.1f} as it begins")
    with tempfile.TemporaryDirectory() as folder:
        async with WireDiscord() as wire:
            print_table(HEAD, await run_flood(wire, Path(folder), members))
            print_table(HEAD, await run_busy_machine(wire, Path(folder), clicks))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = sys.argv[2], URL(sys.argv[3])
        _BareClient(int(sys.argv[4])).run("a.test.token", log_handler=None)
    else:
        asyncio.run(main(*map(int, sys.argv[1:])))
