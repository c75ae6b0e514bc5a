"""Every fault of the wire Discord while the courier posts, edits and retracts: what the channel holds in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from discord.http import Route

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.settings import load_settings
from tests.support.stage import BotStage, ManualClock
from tests.support.stores import new_database
from tests.wire.client import WireDiscord

# name of the fault, and what else it takes
FAULTS: dict[str, dict[str, Any]] = {
    "500": {},
    "502": {},
    "503": {},
    "lost": {},
    "reset": {},
    "stall": {"seconds": 1.0, "after": True},
    "no_access": {},
    "no_permission": {},
    "no_channel": {},
    "bad_image": {},
    "400": {},
    "rate_limited": {"retry_after": 1.0},
    "cloudflare": {},
    "no_message": {},
}
METHODS = {"post": "POST", "edit": "PATCH", "retract": "DELETE"}

OLD, NEW = "Title of one", "A better title"
"""What a channel holds at the end, where it is not what was wanted."""
EXCEPTIONS: dict[tuple[str, str], list[str]] = {
    ("post", "400"): [],  # set aside: Discord refuses the card
    ("edit", "400"): [OLD],  # set aside: the post stays as it was
    ("post", "no_message"): [],  # a repeated nonce whose message a moderator deleted: it stays deleted
    ("retract", "400"): [OLD],
    # the fault only pretends that somebody deleted the message, so it is believed and left where it is
    ("edit", "no_message"): [OLD],
    ("retract", "no_message"): [OLD],
}
WANTED = {"post": [OLD], "edit": [NEW], "retract": []}


@dataclass
class FaultLine:
    """The bot over real HTTP, its clock in the test's hand."""

    bot: NewsBot
    wire: WireDiscord
    clock: ManualClock
    folder: Path
    channel: int

    def write_card(self, slug: str, **fields: object) -> None:
        BotStage.write_card(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def deliver_due(self) -> None:
        self.clock.advance(seconds=1)
        await self.bot.worker.load_cards(accept_withdrawals=True)
        for _ in range(6):
            await self.bot.pipeline.plan_and_deliver()
            self.clock.advance(hours=2)

    async def message_titles(self) -> list[str | None]:
        return [message.title for message in await self.wire.list_messages(self.channel)]


@asynccontextmanager
async def _open_line(wire: WireDiscord, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FaultLine]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # the bot sets it, and it is discord.py's own
    await wire.reset_world()
    guild = await wire.add_guild("text", "text")  # the first takes the notices to the server
    cards = folder / "cards"
    cards.mkdir(parents=True)
    url = new_database(folder / "faults.db")
    settings = load_settings(_env_file=None, database_url=url, cards=cards, discord_api=wire.address.api)
    clock = ManualClock()
    async with open_bot(settings, clock=clock, background=False) as bot:
        await bot.login("a.test.token")
        channel = guild.channels[1].id
        await bot.store.subscriptions.add_subscription(guild_id=guild.id, channel_id=channel, created_by=1, now=clock())
        yield FaultLine(bot, wire, clock, cards, channel)


@pytest.mark.parametrize("step", ["post", "edit", "retract"])
async def test_after_every_fault_the_channel_holds_what_is_wanted_once(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with WireDiscord() as wire:
        for fault, more in FAULTS.items():
            async with _open_line(wire, tmp_path / fault, monkeypatch) as line:
                if step != "post":
                    line.write_card("one", images="[{url: 'https://example.org/a.png'}]")
                    await line.deliver_due()
                await wire.add_fault(fault, METHODS[step], "/messages", times=1, **more)
                change = {"post": {}, "edit": {"title": NEW}, "retract": {"removed": "true"}}[step]
                line.write_card("one", images="[{url: 'https://example.org/a.png'}]", **change)
                before = (await wire.get_totals()).requests
                await line.deliver_due()
                held = await line.message_titles()
                requests = (await wire.get_totals()).requests - before
                print(f"{step:8} {fault:14} {requests:3} requests, channel holds {held}")
                assert held == EXCEPTIONS.get((step, fault), WANTED[step]), (step, fault)
                assert await line.bot.store.outbox.queue.next_due_at(line.clock()) is None, (step, fault)
