"""`/feed add` and `/submit` with `newsdesk run` in a process of its own, and a site on loopback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.process import BotProcess
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.feeds import story
from tests.support.polling import poll_until
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MANAGER, MEMBER, MODERATOR, Permission

_RESOLVER = """
import socket

look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: look_up(
    "127.0.0.1" if str(host).endswith(".example") else host, *rest, **more
)
"""
PAGE = '<!doctype html><head><meta property="og:title" content="The harbour opens"></head><p>Words.</p>'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """A site whose name leads to this machine, also in the processes that the test starts."""
    place = tmp_path / "resolver"
    place.mkdir()
    (place / "sitecustomize.py").write_text(_RESOLVER, "utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")])))
    with serve_feeds() as server:
        server.items["/feed"] = [story(1)]
        server.pages["/story"] = PAGE
        yield server


@pytest.mark.slow
async def test_a_feed_and_a_link_come_into_the_channel(tmp_path: Path, site: FeedServer) -> None:
    name = f"paper.example:{site.server_address[1]}"
    manager = Person("manager", permissions=int(MANAGER | Permission.MANAGE_GUILD))
    moderator, member = Person("moderator", permissions=int(MODERATOR)), Person("member", permissions=int(MEMBER))
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        with BotProcess(tmp_path / "run", wire.address.api, fetch_private=name, submissions_per_hour="1") as bot:
            await bot.prepare_store([channel], guild.id, 0)
            bot.start()
            await wire.wait_for_sessions()

            options = {"url": f"http://{name}/feed", "policy": "publish", "newest": 1}
            preview = await wire.run_slash(channel, "feed add", options, manager)
            assert preview.reply is not None
            assert preview.reply.title == "Story 1"
            await wire.click_component(preview.reply, label="Follow this feed", person=manager)
            (post,) = await wire.wait_for_messages(channel, 1)
            assert post.title == "Story 1"

            link = {"url": f"http://{name}/story", "comment": "Worth it"}
            preview = await wire.run_slash(channel, "submit", link, member)
            assert preview.reply is not None
            assert preview.reply.title == "The harbour opens"
            clicks = [wire.click_component(preview.reply, label="Submit", person=member) for _ in "ab"]
            outcomes = await asyncio.gather(*clicks, return_exceptions=True)
            assert any("Submitted." in str(getattr(outcome, "words", "")) for outcome in outcomes)
            bot.kill()
            bot.start()
            await wire.wait_for_sessions()
            late = await wire.run_slash(channel, "submit", {"url": "paper.example"}, member)
            assert "You can submit 1 link an hour." in late.text
            queue = await wire.run_slash(channel, "desk queue", {}, moderator)
            assert "Submitted by" in queue.text
            assert "Worth it" in queue.text
            reply = (await wire.get_outcome(preview.id)).reply or preview.reply
            told = await wire.click_component(reply, label="Tell me", person=member)
            assert "I'll send you a direct message" in told.words

            await wire.run_slash(channel, "desk publish", {"card": "harbour"}, moderator)
            messages = await wire.wait_for_messages(channel, 2)
            assert [message.title for message in messages] == ["Story 1", "The harbour opens"]
            dm = await wire.get_dm("member")
            notices = await poll_until(lambda: wire.list_messages(dm.id), bool)
            assert "published: [The harbour opens](" in notices[0].content
            assert bot.terminate() == 0
        totals = await wire.get_totals()
        assert not totals.by_status.get("400"), "nothing that was sent was refused for its form"
