"""No way in leads to a private address: neither directly, nor by a redirect, nor by a name that changes its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from html import escape
from pathlib import Path

import pytest

from bot.domain.feed import Feed
from bot.domain.fetch_result import FetchProblem, FetchRequest, FetchStatus
from bot.domain.follows import Follow, FollowPolicy
from bot.metrics import Metrics
from bot.settings import Settings, load_settings
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_list import to_new_feeds
from bot.sources.feeds.feed_service import FeedService, build_fetcher
from bot.sources.feeds.fetcher import MAX_REDIRECTS, Fetcher
from bot.sources.feeds.link_lookup import NO_LINK
from bot.sources.feeds.lookup_service import LookupService
from bot.sources.feeds.opml import OpmlFeed, write_opml
from bot.store import Store
from bot.worker.link_submissions import LinkSubmissions
from bot.worker.server_feeds import ServerFeeds
from tests.sources.feeds.certificate import make_server_context, trust_certificate
from tests.sources.feeds.documents import NOW, rss, rss_item
from tests.sources.feeds.test_address_guard import SPELLINGS
from tests.sources.feeds.web_server import OUTSIDE, TunnelProxy, WebServer, respond, route_public

REFUSALS = {
    FetchProblem.PRIVATE_ADDRESS,
    FetchProblem.INVALID_ADDRESS,
    FetchProblem.INVALID_REDIRECT,
    FetchProblem.UNKNOWN_HOST,
}
FEED = respond(200, rss(rss_item()).encode(), Content_Type="application/rss+xml", Connection="close")


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    reader = DocumentReader()
    yield reader
    reader.close()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A public site, a private one that must not be reached, and an installation that may use the ports of both."""

    store: Store
    reader: DocumentReader
    settings: Settings
    public: WebServer
    private: WebServer
    place: Path

    @property
    def lookups(self) -> LookupService:
        return LookupService(partial(build_fetcher, self.settings), self.reader)

    def public_url(self, path: str, host: str = "paper.example") -> str:
        return self.public.url(path, host=host)


@pytest.fixture
async def web(
    store: Store, reader: DocumentReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Surroundings]:
    route_public(monkeypatch, {"paper.example": [[OUTSIDE]], "fickle.example": [[OUTSIDE], ["127.0.0.1"]]})
    async with WebServer().serve() as public, WebServer().serve() as private:
        private.answers["/feed"] = [FEED]
        ports = (public.port, private.port)
        settings = load_settings(_env_file=None, fetch_ports=ports, feeds=tmp_path / "feeds.opml")
        yield Surroundings(store, reader, settings, public, private, tmp_path)


async def add_by_address(web: Surroundings, url: str) -> str:
    """As `/feed add` and `/feed check` do."""
    return (await web.lookups.find_feed(url, NOW)).check.problem


async def add_by_page(web: Surroundings, url: str) -> str:
    """As `/feed add` does with a page that names a feed."""
    page = f'<!doctype html><link rel="alternate" type="application/rss+xml" href="{escape(url)}">'
    web.public.answers["/page"] = [respond(200, page.encode(), Content_Type="text/html", Connection="close")]
    lookup = await web.lookups.find_feed(web.public_url("/page"), NOW)
    assert lookup.choices == ()
    # An address that no page may name leaves a page without feeds.
    return lookup.check.problem.replace("web_page", FetchProblem.INVALID_ADDRESS)


async def import_list(web: Surroundings, url: str) -> str:
    """As `/feed import` does, and the poller after it."""
    feeds = ServerFeeds(web.store, web.lookups, _now, 50)
    content = await feeds.read_list(write_opml("", [OpmlFeed(url)]), "feeds.opml")
    if content.refused:
        return FetchProblem.INVALID_ADDRESS
    await feeds.follow_feeds(to_new_feeds(content), Follow(1, 0, FollowPolicy.PUBLISH, NOW, 5))
    return await _poll(web)


async def list_for_all(web: Surroundings, url: str) -> str:
    """As the operator does with a list, and the poller after it."""
    (web.place / "feeds.opml").write_bytes(write_opml("", [OpmlFeed(url)]))
    return await _poll(web)


async def submit_link(web: Surroundings, url: str) -> str:
    """As `/submit` does."""
    found = await LinkSubmissions(web.store, web.lookups, _now, 3).look_up(1, url)
    return found.lookup.problem.replace(NO_LINK, FetchProblem.INVALID_ADDRESS)


WAYS: tuple[Callable[[Surroundings, str], Awaitable[str]], ...] = (
    add_by_address,
    add_by_page,
    import_list,
    list_for_all,
    submit_link,
)


async def _poll(web: Surroundings) -> str:
    service = FeedService(web.settings, web.store, _now, Metrics())
    try:
        assert service.feed_list
        if (web.place / "feeds.opml").exists():
            await service.feed_list.apply_changes()
        await service.poller.poll_due()
    finally:
        service.close()
    feeds = await _list_feeds(web)
    return feeds[0].state.problem if feeds else FetchProblem.INVALID_ADDRESS


async def _list_feeds(web: Surroundings) -> list[Feed]:
    follows = await web.store.cards.follows.list_follows(1)
    return await web.store.feeds.list_feeds() + await web.store.feeds.fetch_feeds([f.source_id for f in follows])


def _now() -> datetime:
    return NOW


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "localhost", "①②⑦.⓪.⓪.①", "a@0"])
async def test_trap_39_no_way_in_leads_to_a_private_address(
    web: Surroundings, way: Callable[[Surroundings, str], Awaitable[str]], host: str
) -> None:
    assert await way(web, f"http://{host}:{web.private.port}/feed") in REFUSALS
    assert web.private.connections == 0


@pytest.mark.parametrize("way", WAYS)
async def test_trap_39_no_way_in_is_led_on_to_a_private_address(
    web: Surroundings, way: Callable[[Surroundings, str], Awaitable[str]]
) -> None:
    web.public.answers["/feed"] = [respond(301, Location=web.private.url("/feed"))]
    assert await way(web, web.public_url("/feed")) in REFUSALS
    assert (web.private.connections, web.public.targets[-1]) == (0, "/feed")


@pytest.mark.parametrize("way", WAYS)
async def test_trap_39_no_way_in_believes_a_name_twice(
    web: Surroundings, way: Callable[[Surroundings, str], Awaitable[str]]
) -> None:
    """The name is public when it is first looked up, and this machine when its redirect is followed."""
    port = web.private.port
    web.public.answers["/feed"] = [respond(302, Location=f"http://fickle.example:{port}/feed", Connection="close")]
    assert await way(web, web.public_url("/feed", host="fickle.example")) in REFUSALS
    assert web.private.connections == 0


async def test_trap_39_a_page_is_described_by_no_private_address(web: Surroundings) -> None:
    """What a site says elsewhere of its page is fetched by the same rules; without it the page is read as it is."""
    described = f'<link rel="alternate" type="application/json+oembed" href="{web.private.url("/feed")}">'
    page = f"<!doctype html><title>Harbour opens</title>{described}"
    web.public.answers["/page"] = [respond(200, page.encode(), Content_Type="text/html")]
    found = (await web.lookups.find_page(web.public_url("/page"), NOW)).page
    assert found
    assert found.title == "Harbour opens"
    assert (web.private.connections, web.public.targets) == (0, ["/page"])


async def test_trap_39_a_feed_whose_name_becomes_private_fails_at_the_next_look(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    route_public(monkeypatch, {"paper.example": [[OUTSIDE], ["127.0.0.1"]]})
    async with WebServer().serve() as site:
        site.answers["/feed"] = [FEED]
        for status in (FetchStatus.NEW, FetchStatus.FAILED):
            async with Fetcher(ports=[site.port]) as fetcher:
                result = await fetcher.fetch(FetchRequest(site.url("/feed", host="paper.example")), NOW)
                assert result.status is status
        assert (result.problem, len(site.requests)) == (FetchProblem.PRIVATE_ADDRESS, 1)


@pytest.mark.parametrize("hops", range(1, MAX_REDIRECTS + 1))
async def test_trap_39_no_spelling_is_reached_at_any_hop(monkeypatch: pytest.MonkeyPatch, hops: int) -> None:
    route_public(monkeypatch, {"paper.example": [[OUTSIDE]]})
    async with WebServer().serve() as public, WebServer().serve() as private:
        for number in range(1, hops):
            public.answers[f"/{number}"] = [respond(302, Location=f"/{number + 1}")]
        async with Fetcher(ports=[public.port, private.port]) as fetcher:
            for host in SPELLINGS:
                location = f"http://{host}:{private.port}/feed".encode().decode("latin-1")
                public.answers[f"/{hops}"] = [respond(302, Location=location)]
                result = await fetcher.fetch(FetchRequest(public.url("/1", host="paper.example")), NOW)
                assert result.problem in REFUSALS, host
        assert (private.connections, len(public.requests)) == (0, hops * len(SPELLINGS))


async def test_behind_a_proxy_https_goes_through_a_tunnel_and_private_addresses_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust_certificate(monkeypatch)
    route_public(monkeypatch, {"paper.example": [[OUTSIDE]], "fickle.example": [[OUTSIDE], ["127.0.0.1"]]})
    async with (
        WebServer().serve(make_server_context(tmp_path)) as site,
        TunnelProxy(site.port).serve() as proxy,
        Fetcher(proxy=proxy.url, ports=[443]) as fetcher,
    ):
        site.answers |= {"/feed": [FEED], "/away": [respond(302, Location="https://127.0.0.1/feed")]}
        result = await fetcher.fetch(FetchRequest("https://paper.example/feed"), NOW)
        assert (result.status, proxy.targets) == (FetchStatus.NEW, ["paper.example:443"])
        result = await fetcher.fetch(FetchRequest("https://paper.example/away"), NOW)
        assert result.problem is FetchProblem.PRIVATE_ADDRESS
        for host in SPELLINGS:
            result = await fetcher.fetch(FetchRequest(f"https://{host}/feed"), NOW)
            assert result.problem in REFUSALS, host
        assert set(proxy.targets) == {"paper.example:443"}
        # The certificate is not the name's: TLS is spoken with the site, and not with the proxy.
        result = await fetcher.fetch(FetchRequest("https://fickle.example/feed"), NOW)
        assert result.problem is FetchProblem.TLS_ERROR
        assert (await fetcher.fetch(FetchRequest("https://fickle.example/feed"), NOW)).problem in REFUSALS
        assert [target for target, _ in site.requests] == ["/feed", "/away"]
