"""First posts, threads and old posts, with `newsdesk run` killed at each of their steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.process import BotProcess
from tests.support.polling import poll_until
from tests.support.stores import query_database
from tests.wire.client import Person, WireDiscord, WireError
from tests.wire.permissions import MANAGER
from tests.wire.sample_bot import manage_threads_permissions

CARDS = 3
MANAGER_PERSON = Person("manager", permissions=int(MANAGER))
OPTIONS: dict[str, Any] = {"backfill": CARDS, "thread": True}
_AGO = 2 * 24 * 3600 * 1_000_000
"""Two days, in the microseconds of the store."""

pytestmark = [pytest.mark.slow]


@dataclass
class SubscribedBot:
    """A bot with cards that are out, and a channel that a person subscribes."""

    wire: WireDiscord
    bot: BotProcess
    channel: int

    async def start(self, kill_at: str = "") -> None:
        before = (await self.wire.get_status()).identified
        self.bot.start(kill_at)
        await poll_until(self.wire.get_status, lambda status: status.connected > 0 and status.identified > before)
        await poll_until(self._count_cards, lambda count: count == CARDS)

    async def _count_cards(self) -> int:
        ((count,),) = query_database(self.bot.url, "SELECT count(*) FROM cards WHERE visible_at IS NOT NULL")
        return int(count)

    async def subscribe(self, **more: Any) -> str:
        """What the person reads; nothing if the bot ends meanwhile."""
        options = {"channel": self.channel, **OPTIONS, **more}
        asking = asyncio.create_task(self.wire.run_slash(self.channel, "digest subscribe", options, MANAGER_PERSON))
        await poll_until(lambda: asking.done() or not self.bot.running, bool)
        await asyncio.wait([asking], timeout=1)  # an answer that the bot gave just before it ended
        asking.cancel()
        try:
            return (await asking).words
        except (WireError, TimeoutError, AssertionError, asyncio.CancelledError):
            return ""

    async def titles(self) -> list[str | None]:
        return [message.title for message in await self.wire.list_messages(self.channel)]


@asynccontextmanager
async def open_bot(folder: Path) -> AsyncIterator[SubscribedBot]:
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text", bot_permissions=manage_threads_permissions())
        channel = guild.channels[0].id
        with BotProcess(folder / "run", wire.address.api) as bot:
            await bot.prepare_store([], guild.id, CARDS)
            yield SubscribedBot(wire, bot, channel)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["subscribe:{}:1", "send:{}:1", "send:{}:3", "thread:{}:1", "thread:{}:2"])
async def test_each_first_post_and_its_thread_come_once(tmp_path: Path, step: str, when: str) -> None:
    async with open_bot(tmp_path) as desk:
        await desk.start(step.format(when))
        await desk.subscribe()
        desk.bot.wait_for_end()
        await desk.start()
        answer = await desk.subscribe()  # as a person does who got no answer
        assert "already has this subscription" in answer or (step, when) == ("subscribe:{}:1", "before")
        threads = await desk.wire.wait_for_posts(desk.channel, CARDS)
        assert desk.bot.terminate() == 0
        messages = await desk.wire.list_messages(desk.channel)
        assert [message.title for message in messages] == [
            f"Card {number} of the crash test" for number in range(CARDS)
        ]
        assert [thread.id for thread in threads] == [message.id for message in messages]


@pytest.mark.parametrize("step", ["talk:before:2", "delete:before:1", "delete:after:1", "delete:after:2"])
async def test_old_posts_go_and_the_one_that_people_talk_under_stays(tmp_path: Path, step: str) -> None:
    async with open_bot(tmp_path) as desk:
        await desk.start()
        await desk.subscribe(keep_days=1)
        threads = await desk.wire.wait_for_posts(desk.channel, CARDS)
        await desk.wire.post_message(threads[1].id, "What do you think?")
        assert desk.bot.terminate() == 0
        query_database(desk.bot.url, f"UPDATE deliveries SET sent_at = sent_at - {_AGO}")
        desk.bot.start(step)
        desk.bot.wait_for_end()
        await desk.start()
        await poll_until(desk.titles, lambda titles: len(titles) == 1)
        assert desk.bot.terminate() == 0
        assert await desk.titles() == ["Card 1 of the crash test"]
        assert [thread.id for thread in await desk.wire.list_posts(desk.channel)] == [threads[1].id]
