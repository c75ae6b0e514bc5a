"""A small newspaper's site on this machine, for `/feed add` and `/submit` in the demo."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from xml.etree import ElementTree

from aiohttp import web
from aiohttp.abc import ResolveResult
from aiohttp.typedefs import Handler

from bot.sources.feeds.resolver import HostResolver

TITLE = "The Harbour Gazette"
HOST = "harbour-gazette.example"
ADDRESS = f"http://{HOST}/"
_STORIES = (
    ("Ferry to the islands runs at night again", "From Friday on the last boat leaves at one o'clock."),
    ("Old lighthouse gets a new lamp", "The lamp needs a tenth of the current, and reaches a mile further."),
    ("School orchestra plays on the pier", "Forty children, one storm warning, and an encore."),
    ("Tram line seven will reach the market", "Work begins in spring and takes about two years."),
    ("Fishers count more herring than last year", "The catch is up by a third, says the cooperative."),
    ("Library opens on Sundays", "Half of those who were asked wanted it; the city agrees to a year's trial."),
    ("Bridge closes for repairs on Monday", "Pedestrians may still cross it."),
    ("Two young seals released into the bay", "They were found in June and have doubled their weight."),
)
_ALONE = ("Regatta moves to the second weekend of May", "Forty boats have entered, twice as many as last year.")
"""A page that the feed does not have."""
PAGE_ADDRESS = f"{ADDRESS}regatta"
_FIRST = 3
_APART = timedelta(days=2, hours=5)
_FRONT_PAGE = f"""<!doctype html><html lang="en"><head><title>{TITLE}</title>
<link rel="alternate" type="application/rss+xml" title="{TITLE}" href="/feed.xml"></head>
<body><h1>{TITLE}</h1></body></html>"""
_PAGE = f"""<!doctype html><html lang="en"><head><title>{{title}}</title>
<meta property="og:title" content="{{title}}"><meta property="og:site_name" content="{TITLE}">
<meta property="og:description" content="{{text}}"></head>
<body><h1>{{title}}</h1><p>{{text}}</p></body></html>"""


class FeedSite:
    """Serves a page that names a feed, on localhost only. Its first stories are of the days before `now`."""

    def __init__(self, now: datetime) -> None:
        self._times = [now - number * _APART for number in range(_FIRST, 0, -1)]
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._serve_front_page)
        app.router.add_get("/feed.xml", self._serve_feed)
        for name, story in (("regatta", _ALONE), *enumerate(_STORIES, start=1)):
            app.router.add_get(f"/{name}", _serve_story(*story))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    def publish_next(self, now: datetime) -> None:
        """Add the next story to the feed, as long as there is one."""
        if len(self._times) < len(_STORIES):
            self._times.append(now)

    async def _serve_front_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=_FRONT_PAGE, content_type="text/html")

    async def _serve_feed(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._write_feed(), content_type="application/rss+xml")

    def _write_feed(self) -> bytes:
        root = ElementTree.Element("rss", version="2.0")
        channel = ElementTree.SubElement(root, "channel")
        _add_texts(channel, title=TITLE, link=ADDRESS)
        for number, ((title, text), at) in reversed(list(enumerate(zip(_STORIES, self._times, strict=False), start=1))):
            item = ElementTree.SubElement(channel, "item")
            link = f"{ADDRESS}{number}"
            _add_texts(item, title=title, link=link, guid=link, description=text, pubDate=format_datetime(at))
        written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
        return written


def _serve_story(title: str, text: str) -> Handler:
    page = _PAGE.format(title=escape(title), text=escape(text))

    async def serve_page(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    return serve_page


def _add_texts(parent: ElementTree.Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text


class DemoResolver(HostResolver):
    """Leads the newspaper's name, which no other resolver knows, to this machine. A number would not be linked."""

    def __init__(self, site: FeedSite) -> None:
        super().__init__()
        self._site = site

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host == HOST:
            found = await super().resolve("127.0.0.1", self._site.port, socket.AF_INET)
            return [{**result, "hostname": host} for result in found]
        return await super().resolve(host, port, family)
