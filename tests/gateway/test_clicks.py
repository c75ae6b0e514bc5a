"""Clicks that simcord cannot make: many at once, and forged ones; against a Discord in another process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import open_bot
from bot.gateway.client import NewsBot
from bot.gateway.workload import AT_ONCE
from bot.settings import load_settings
from tests.support.stage import Clock, Stage
from tests.support.stores import new_database
from tests.wire.client import Person, WireDiscord

MODERATORS = 200


@dataclass
class Line:
    """The bot logged in to a Discord in another process, with a desk and a channel that is subscribed."""

    wire: WireDiscord
    bot: NewsBot
    clock: Clock
    folder: Path
    desk: int
    news: int

    def write(self, slug: str, **fields: str) -> None:
        Stage.write(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # the bot sets both, and they are discord.py's own
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    folder = tmp_path / "cards"
    folder.mkdir()
    url = new_database(tmp_path / "clicks.db")
    clock = Clock()
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text:desk", "text:news", everyone=0)
        desk, news = (channel.id for channel in guild.channels)
        settings = load_settings(_env_file=None, database_url=url, cards=folder, discord_api=wire.address.api)
        async with open_bot(settings, clock=clock, background=False) as bot:
            serving = asyncio.create_task(bot.start("a.test.token"))
            await wire.connected()
            await bot.store.subscriptions.add(guild_id=guild.id, channel_id=news, created_by=1, now=clock())
            await bot.store.reviews.set_channel(guild.id, desk, 10, clock(), settings.max_age)
            clock.move(seconds=1)
            yield Line(wire, bot, clock, folder, desk, news)
            await bot.close()
            await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("by", ["the button of a review", "a command"])
async def test_two_hundred_decisions_at_once_are_one_decision_one_entry_one_post(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    line.write("one", published="false", heat="10")
    await line.bot.newsroom.load()
    await line.bot.newsroom.tick()
    (review,) = await line.wire.messages(line.desk)
    people = [Person(f"moderator {number}") for number in range(MODERATORS)]
    if by == "a command":
        _all_at_once(line, monkeypatch)
        card = {"card": "one"}
        acts = [line.wire.slash(line.desk, "desk publish", card, person=each, within=60) for each in people]
    else:
        acts = [line.wire.click(review, label="Publish", person=each, within=60) for each in people]
    outcomes = await asyncio.gather(*acts)
    await line.bot.newsroom.tick()
    refused = [each for each in outcomes if "was faster" in each.words or "published here already" in each.words]
    assert len(refused) == MODERATORS - 1
    assert all(each.acknowledged and not each.refused for each in outcomes)
    assert [message.title for message in await line.wire.messages(line.news)] == ["Title of one"]
    with closing(sqlite3.connect(tmp_path / "clicks.db")) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (1,)


def _all_at_once(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes on to decide before as many have found the card as can be at work."""
    barrier, look_up = asyncio.Barrier(AT_ONCE), line.bot.store.archive.by_slug

    async def waiting(*args: Any, **more: Any) -> Any:
        found = await look_up(*args, **more)
        if len(arrived) < AT_ONCE:
            arrived.append(True)
            await barrier.wait()
        return found

    arrived: list[bool] = []
    monkeypatch.setattr(line.bot.store.archive, "by_slug", waiting)


async def test_a_review_whose_answer_was_lost_is_found_again_and_follows_its_decision(line: Line) -> None:
    await line.wire.configure(nonce_window=0.0)
    await line.wire.fault("lost", "POST", "/messages$")
    line.write("one", published="false", heat="10")
    await line.bot.newsroom.load()
    for _ in range(3):
        await line.bot.newsroom.tick()
        line.clock.move(minutes=10)
    (review,) = await line.wire.messages(line.desk)
    clicked = await line.wire.click(review, label="Publish")
    assert "Published by" in clicked.text
    await line.bot.newsroom.tick()
    (record,) = await line.wire.messages(line.desk)
    assert "Published by" in record.content


async def test_what_nobody_made_is_answered_as_well(line: Line) -> None:
    garbage = ["garbage", "nd:", "nd:review:p:1", "nd:undo:-1", "x" * 100]
    view = discord.ui.View(timeout=None)
    view.stop()
    for custom_id in garbage:
        view.add_item(discord.ui.Button(label=custom_id[:10], custom_id=custom_id))
    channel = line.bot.get_channel(line.news)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Forged", view=view)
    (message,) = await line.wire.messages(line.news)
    for custom_id in garbage:
        outcome = await line.wire.click(message, custom_id)
        assert "not open any more" in outcome.text, custom_id
