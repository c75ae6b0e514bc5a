"""Couriers and gateways on one PostgreSQL that are replaced one by one while cards come, as in an upgrade."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from tests.crash.cluster import new_database
from tests.crash.process import BotProcess, card_text
from tests.crash.story import count_messages
from tests.support.polling import wait_until
from tests.support.postgres import PostgresServer
from tests.wire.client import WireDiscord

_CHANNELS = 2
_CARD_EVERY = 1.0
"""Seconds."""


class _News:
    """Cards that come one by one; `written` is how many there are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written = 0

    @asynccontextmanager
    async def keep_coming(self) -> AsyncIterator[None]:
        writing = asyncio.create_task(self._write_cards())
        try:
            yield
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing

    async def _write_cards(self) -> None:
        for number in count(self.written):
            (self._folder / f"{number}.md").write_text(card_text(number, datetime.now(UTC)), "utf-8")
            self.written = number + 1
            await asyncio.sleep(_CARD_EVERY)


def _logged(bot: BotProcess, words: str) -> Callable[[], bool]:
    return lambda: words in bot.log


@pytest.mark.postgresql
async def test_parts_that_are_replaced_while_cards_come_leave_no_gap(server: PostgresServer, tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        await wire.reset_world(limits=False)
        guild = await wire.add_guild(*["text"] * _CHANNELS)
        channels = [channel.id for channel in guild.channels]

        async def wait_for_card(number: int) -> None:
            """Wait until that card is in each channel."""
            for channel_id in channels:
                await wire.wait_for_messages(channel_id, number + 1)

        async def expect_newer_card() -> None:
            await wait_for_card(news.written)

        with new_database(server) as url:

            def part(name: str, only: str) -> BotProcess:
                return BotProcess(tmp_path / name, wire.address.api, url, only, log_level="INFO", watch="true")

            with (
                part("1", "courier") as first,
                part("2", "courier") as second,
                part("3", "courier") as third,
                part("4", "gateway") as old_gateway,
                part("5", "gateway") as new_gateway,
            ):
                await first.prepare_store(channels, guild.id, 0)
                news = _News(first.cards)
                for bot, words in (
                    (first, "Acquired leadership"),
                    (second, "standing by"),
                    (old_gateway, "Ready as"),
                    (new_gateway, "standing by"),
                ):
                    bot.start()
                    await wait_until(_logged(bot, words))
                async with news.keep_coming():
                    await expect_newer_card()

                    assert first.terminate() == 0, first.log  # the leader
                    await expect_newer_card()  # by the second alone
                    third.start()
                    await wait_until(_logged(third, "standing by"))
                    assert second.terminate() == 0, second.log
                    await expect_newer_card()  # by the third alone

                    assert old_gateway.terminate() == 0, old_gateway.log
                    await wait_until(_logged(new_gateway, "Ready as"))
                    post, *_ = await wire.list_messages(channels[0])
                    assert "Saved" in (await wire.click_component(post, label="Save")).text
                    await expect_newer_card()
                await wait_for_card(news.written - 1)
                for bot in (third, new_gateway):
                    assert bot.terminate() == 0, bot.log
        tally = await count_messages(wire, channels, news.written, kills=0)
        assert (tally.posts, tally.lost, tally.repeated, tally.disordered) == (news.written * _CHANNELS, 0, 0, 0)
