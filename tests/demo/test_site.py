"""The demo's page over HTTP: channels change under one bot, and nobody from elsewhere gets in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bot.clock import utc_now
from bot.demo.browser import prepare_demo
from bot.demo.environment import DemoEnvironment, open_environment
from bot.demo.preview_page import PreviewPage
from bot.demo.site import DemoSite
from bot.errors import UserError
from bot.i18n import ENGLISH
from tests.support.polling import PATIENCE

OURS = {"X-Newsdesk": "test"}


@dataclass
class SiteVisit:
    stage: DemoEnvironment
    site: DemoSite
    client: aiohttp.ClientSession
    secret: str = ""
    snapshot: dict[str, Any] = field(default_factory=dict)

    async def open_channel(self, channel: str, **query: str) -> dict[str, Any]:
        address = f"{self.site.address}newsdesk/open/{channel}"
        async with self.client.post(address, headers=OURS, params=query) as answer:
            assert answer.status == 200
            state: dict[str, Any] = await answer.json()
            self.secret = state["frame"].partition("#")[2]
            return state

    async def open_page(self, path: str = "api/pages") -> str:
        """Open the channel as a browser does, and return the id of its page."""
        headers = {"X-Simcord-Capability": self.secret}
        async with self.client.post(self.site.address + path, headers=headers, json={}) as answer:
            self.snapshot = await answer.json()
        context: str = self.snapshot["context"]["id"]
        return context

    async def fetch_commands(self) -> dict[str, dict[str, Any]]:
        """Return the commands that the channel offers, by their names."""
        await self.open_channel("news")
        return await self._list_commands(await self.open_page())

    async def _list_commands(self, context: str) -> dict[str, dict[str, Any]]:
        headers = {"X-Simcord-Capability": self.secret, "X-Simcord-Context": context}
        async with self.client.get(f"{self.site.address}api/commands", headers=headers) as answer:
            return {entry["invocation"]: entry for entry in (await answer.json())["entries"]}

    async def run_command(self, name: str, context: str) -> dict[str, Any]:
        """Run a command without options as the page does, from a view that is long out of date."""
        entry = (await self._list_commands(context))[name]
        body = {
            "protocol_version": 3,
            "sequence": 1,
            "request_id": "first",
            "generation": self.snapshot["context"]["generation"],
            "bot_generation": self.snapshot["botGeneration"],
            "published_revision": 0,
            "kind": "run_command",
            "command_id": entry["commandId"],
            "path": entry["path"],
            "schema_fingerprint": entry["schemaFingerprint"],
            "options": {},
        }
        headers = {"X-Simcord-Capability": self.secret, "X-Simcord-Context": context}
        async with self.client.post(f"{self.site.address}api/action", headers=headers, json=body) as answer:
            assert answer.status == 200
            receipt: dict[str, Any] = await answer.json()
            return receipt

    async def run_on_message(self, command: str, message: int, context: str) -> int:
        address = f"{self.site.address}newsdesk/apps/{command}/{message}/{context}"
        async with self.client.post(address, headers=OURS) as answer:
            return answer.status

    async def count_unread(self) -> dict[str, int]:
        async with self.client.get(f"{self.site.address}newsdesk/state") as answer:
            return {channel["name"]: channel["unread"] for channel in (await answer.json())["channels"]}


@asynccontextmanager
async def visit_site(language: str = ENGLISH) -> AsyncIterator[SiteVisit]:
    """The page of a running demo, without a browser."""
    async with open_environment(background=True, language=language) as stage:
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
        async with asyncio.timeout(PATIENCE):
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
        for path in ("open/news", "apps/Find this card/1/page"):
            async with visitor.client.post(f"{address}newsdesk/{path}") as answer:
                assert answer.status == 404
        async with visitor.client.get(f"{address}api/state") as answer:
            assert answer.status == 503


async def test_the_page_and_its_commands_are_in_the_language_of_the_demo() -> None:
    async with visit_site("de") as visitor:
        async with visitor.client.get(visitor.site.address) as answer:
            page = await answer.text()
        assert '<html lang="de">' in page
        assert "<dt>/neueste</dt><dd>die neuesten Meldungen</dd>" in page
        catalogue = await visitor.fetch_commands()
    assert "neueste" in catalogue
    assert "latest" not in catalogue


async def test_a_member_is_shown_only_in_channels_that_they_can_read() -> None:
    async with visit_site() as visitor:
        state = await visitor.open_channel("news")
        admin, member = str(visitor.stage.admin.id), str(visitor.stage.member.id)
        readers = {channel["name"]: channel["readers"] for channel in state["channels"]}
        assert readers == {name: [admin, member] for name in ("news", "digest", "headlines")} | {"desk": [admin]}


@pytest.mark.slow
async def test_a_command_of_the_message_menu_is_run_on_a_message_of_the_open_page() -> None:
    async with visit_site() as visitor:
        await prepare_demo(visitor.stage)
        await visitor.open_channel("news")
        async with asyncio.timeout(PATIENCE):
            while not (posts := visitor.stage.discord.get_messages(visitor.stage.news)):
                await asyncio.sleep(0.05)
        context = await visitor.open_page()
        assert await visitor.run_on_message("Find this card", posts[0].id, context) == 200
        messages = visitor.stage.discord.get_messages(visitor.stage.news, visitor.stage.admin)
        (answer,) = [message for message in messages if message.private]
        assert answer.embeds[0].title == posts[0].embeds[0].title
        assert await visitor.run_on_message("Find this card", 1, context) == 404
        assert await visitor.run_on_message("Find this card", posts[0].id, "nobody") == 404


async def test_actions_wait_for_each_other_and_for_cards_that_come() -> None:
    async with visit_site() as visitor:
        await visitor.open_channel("news")
        context = await visitor.open_page()
        clock = [visitor.stage.discord.advance_clock(utc_now()) for _ in range(5)]
        receipt, *_ = await asyncio.gather(visitor.run_command("topics", context), *clock)
        assert (receipt["rejected"], receipt["settlement"]) == (False, "settled")


async def test_a_port_that_is_taken_is_said_in_words() -> None:
    async with visit_site() as visitor:
        stage = visitor.stage
        other = DemoSite(stage.discord, PreviewPage(stage.discord, [stage.admin], stage.assets))
        with pytest.raises(UserError, match=f"Port {visitor.site.port} is taken"):
            await other.start([visitor.site.port])
