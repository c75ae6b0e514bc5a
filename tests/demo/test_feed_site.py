"""The demo's newspaper: reached by its name through the demo's resolver alone, with a page behind every link."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from bot.demo.feed_site import ADDRESS, HOST, PAGE_ADDRESS, DemoResolver, FeedSite
from bot.domain.fetch_result import FetchProblem, FetchRequest, FetchResult
from bot.settings import PrivateHost
from bot.sources.feeds.fetcher import Fetcher
from tests.support.stage import NOW


@pytest.fixture
async def site() -> AsyncIterator[FeedSite]:
    site = FeedSite(NOW)
    await site.start()
    try:
        yield site
    finally:
        await site.close()


async def fetch(site: FeedSite, url: str, *private: str) -> FetchResult:
    hosts = [PrivateHost(name, None) for name in private]
    async with Fetcher(private_hosts=hosts, resolver=DemoResolver(site)) as fetcher:
        return await fetcher.fetch(FetchRequest(url), NOW)


async def test_every_item_of_the_feed_and_the_page_without_one_can_be_read(site: FeedSite) -> None:
    feed = await fetch(site, f"{ADDRESS}feed.xml", HOST)
    links = re.findall(r"<link>([^<]+[0-9])</link>", feed.body.decode())
    assert len(links) == 3
    for link in (*links, PAGE_ADDRESS):
        assert b'property="og:title"' in (await fetch(site, link, HOST)).body


async def test_the_resolver_opens_no_other_way_into_this_machine(site: FeedSite) -> None:
    """The name counts as private without the demo's settings, and so does any other that leads here."""
    for url in (ADDRESS, f"http://localhost:{site.port}/"):
        assert (await fetch(site, url)).problem in (FetchProblem.PRIVATE_ADDRESS, FetchProblem.PORT_REFUSED)
