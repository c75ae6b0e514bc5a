"""Cards that were posted over HTTP and answered with 202 survive a kill at that moment, and are posted once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.domain.intake import IntakePolicy, generate_token, hash_token
from bot.store import open_store
from tests.crash.process import BotProcess
from tests.support.polling import PATIENCE
from tests.support.postgres import free_port
from tests.wire.client import WireDiscord

ROUNDS = 3
MOMENT = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")


async def post_card(http: aiohttp.ClientSession, url: str, token: str, number: int) -> dict[str, Any]:
    """Post a card as a careful program does: again, with the same key, until it is answered with 202."""
    card = {"id": str(number), "title": f"Posted {number}", "publishedDateTime": MOMENT}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"key {number}"}
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with http.post(url, json=card, headers=headers) as answer:
                    if answer.status == 202:
                        found: dict[str, Any] = await answer.json()
                        return found
                    assert answer.status == 503, await answer.text()
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


async def test_what_was_answered_is_there_after_a_kill_and_posted_once(tmp_path: Path) -> None:
    port, token = free_port(), generate_token()
    async with WireDiscord() as wire, aiohttp.ClientSession() as http:
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        with BotProcess(tmp_path / "run", wire.address.api, intake_addr=f"127.0.0.1:{port}") as bot:
            await bot.prepare_store([channel], guild.id, 1)
            async with open_store(bot.url) as store:
                await store.intake.create_token(
                    "ci", "ci", IntakePolicy.PUBLISHED, hash_token(token), datetime.now(UTC)
                )
            slugs = []
            for number in range(ROUNDS):
                bot.start()
                slugs.append((await post_card(http, f"http://127.0.0.1:{port}/cards", token, number))["slug"])
                bot.kill()
            async with open_store(bot.url) as store:
                assert all([await store.cards.get_by_slug(slug, 0) for slug in slugs])
            bot.start()
            messages = await wire.wait_for_messages(channel, ROUNDS + 1)
            again = await post_card(http, f"http://127.0.0.1:{port}/cards", token, 0)
            await post_card(http, f"http://127.0.0.1:{port}/cards", token, ROUNDS)
            messages = await wire.wait_for_messages(channel, ROUNDS + 2)
            assert bot.terminate() == 0, bot.log
        assert again["slug"] == slugs[0]
        titles = sorted(message.embeds[0]["title"] for message in messages)
        assert titles == ["Card 0 of the crash test", *(f"Posted {number}" for number in range(ROUNDS + 1))]
