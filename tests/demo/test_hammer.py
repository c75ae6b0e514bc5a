"""Commands and clicks in a real browser while a card comes every second: none is lost, and the page never locks.

`make hammer` does 300.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import discord
import pytest

from bot.clock import utc_now
from bot.demo.environment import DemoEnvironment
from tests.demo.chromium import PATIENCE, PROGRAM
from tests.demo.visitor import ENTER, STATUS, Visitor, visit_demo
from tests.support.polling import wait_until

PAIRS = int(os.environ.get("HAMMER_PAIRS", "25"))
"""A command and a click each."""
COMMANDS = ("saved list", "topics", "latest", "following", "help")
BUTTONS = ("Save", "More…")
CARD = """---
category: news
title: Card number {number} of the hammer test
webUrl: https://hammer{number}.example/{number}
publishedDateTime: {at}
quality: 150
published: true
topics: [Hammers]
---
"""

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium (on Debian: apt install chromium)"),
    pytest.mark.timeout(7200),
]


@dataclass
class Count:
    """What the visitor did and what reached the bot."""

    done: int = 0
    reached: int = 0
    lost: int = 0
    locked: int = 0
    cards: int = 0

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.reached += interaction.type is not discord.InteractionType.autocomplete


async def _publish_cards(stage: DemoEnvironment, count: Count) -> None:
    while True:
        count.cards += 1
        at = utc_now() - timedelta(seconds=1)
        path = stage.feed.folder / f"{at:%Y-%m-%d}-hammer-{count.cards}.md"
        await asyncio.to_thread(path.write_text, CARD.format(number=count.cards, at=at.isoformat()), "utf-8")
        await asyncio.sleep(1)


async def _act_twice(visitor: Visitor, command: str, label: str) -> None:
    """Send a command, and click a button at once, while the page still waits for the answer."""
    await visitor.type_command(command)
    await visitor.page.wait_until(visitor.button(label))
    await visitor.page.press_key(*ENTER)
    await visitor.page.evaluate(f"{visitor.button(label)}.click()")


async def _count_losses(visitor: Visitor, count: Count) -> None:
    try:
        await wait_until(lambda: count.reached >= count.done, PATIENCE)
        await visitor.wait_ready()
    except TimeoutError:
        count.lost += count.done - count.reached
        count.locked += bool(await visitor.page.evaluate(f"!{STATUS}.ready || {STATUS}.transport.uncertainRequestId"))
        count.reached = count.done
        await visitor.page.call_method("Page.reload")
        await visitor.wait_ready()


async def test_commands_and_clicks_while_cards_come_are_all_answered(tmp_path: Path) -> None:
    count = Count()
    async with visit_demo(tmp_path, width=800, height=600) as visit:
        visit.stage.bot.add_listener(count.on_interaction, "on_interaction")
        news = asyncio.create_task(_publish_cards(visit.stage, count))
        for _, command, label in zip(range(PAIRS), cycle(COMMANDS), cycle(BUTTONS), strict=False):
            await _act_twice(visit.visitor, command, label)
            count.done += 2
            await _count_losses(visit.visitor, count)
        news.cancel()
        await asyncio.gather(news, return_exceptions=True)
    assert (count.done, count.lost, count.locked) == (2 * PAIRS, 0, 0), f"{count.cards} cards came"
