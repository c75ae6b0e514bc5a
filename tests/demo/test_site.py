"""The demo's page over HTTP: channels change under one bot, and nobody from elsewhere gets in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.demo.browser import prepare_demo
from bot.demo.environment import DemoEnvironment, open_environment
from bot.demo.fake_discord import PreviewPage
from bot.demo.site import DemoSite
from bot.errors import UserError

OURS = {"X-Newsdesk": "test"}


@dataclass
class SiteVisit:
    stage: DemoEnvironment
    site: DemoSite
    client: aiohttp.ClientSession

    async def open_channel(self, channel: str, **query: str) -> dict[str, Any]:
        address = f"{self.site.address}newsdesk/open/{channel}"
        async with self.client.post(address, headers=OURS, params=query) as answer:
            assert answer.status == 200
            messages: dict[str, Any] = await answer.json()
            return messages

    async def count_unread(self) -> dict[str, int]:
        async with self.client.get(f"{self.site.address}newsdesk/state") as answer:
            return {channel["name"]: channel["unread"] for channel in (await answer.json())["channels"]}


@asynccontextmanager
async def visit_site() -> AsyncIterator[SiteVisit]:
    """The page of a running demo, without a browser."""
    async with open_environment(background=True) as stage:
        site = DemoSite(stage.discord, PreviewPage(stage.discord, [stage.admin, stage.member], stage.assets))
        await site.start([0])
        try:
            async with aiohttp.ClientSession() as client:
                yield SiteVisit(stage, site, client)
        finally:
            await site.close()


async def test_a_channel_is_shown_in_a_frame_of_our_own_page_and_another_takes_its_place() -> None:
    async with visit_site() as visitor:
        first = await visitor.open_channel("news", zone="Europe/Berlin")
        async with visitor.client.get(visitor.site.address + first["frame"].lstrip("/")) as answer:
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
            assert "preview-app" in await answer.text()
        second = await visitor.open_channel("desk")
        assert (first["shown"], second["shown"]) == ("news", "desk")
        assert first["frame"] != second["frame"]
        assert second == await visitor.open_channel("desk")


async def test_a_time_zone_that_is_none_does_not_keep_a_channel_shut() -> None:
    async with visit_site() as visitor:
        assert (await visitor.open_channel("news", zone="Mars/Olympus"))["shown"] == "news"


async def test_what_comes_into_other_channels_is_counted_until_they_are_opened() -> None:
    async with visit_site() as visitor:
        await visitor.open_channel("news")
        await prepare_demo(visitor.stage)
        async with asyncio.timeout(10):
            while not all([(await visitor.count_unread())[name] for name in ("digest", "headlines")]):
                await asyncio.sleep(0.05)
        assert await visitor.count_unread() == {"news": 0, "digest": 1, "headlines": 1, "desk": 3}
        await visitor.open_channel("digest")
        assert (await visitor.count_unread())["digest"] == 0


async def test_a_page_from_elsewhere_gets_nothing_and_changes_nothing() -> None:
    async with visit_site() as visitor:
        address = visitor.site.address
        async with visitor.client.get(address, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        async with visitor.client.post(f"{address}newsdesk/open/news") as answer:
            assert answer.status == 404
        async with visitor.client.get(f"{address}api/state") as answer:
            assert answer.status == 503


async def test_a_port_that_is_taken_is_said_in_words() -> None:
    async with visit_site() as visitor:
        stage = visitor.stage
        other = DemoSite(stage.discord, PreviewPage(stage.discord, [stage.admin], stage.assets))
        with pytest.raises(UserError, match=f"Port {visitor.site.port} is taken"):
            await other.start([visitor.site.port])
