"""A small newspaper's site on this machine, for `/feed add` in the demo."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from xml.etree import ElementTree

from aiohttp import web

TITLE = "The Harbour Gazette"
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
_FIRST = 3
_APART = timedelta(days=2, hours=5)
_PAGE = f"""<!doctype html><html lang="en"><head><title>{TITLE}</title>
<link rel="alternate" type="application/rss+xml" title="{TITLE}" href="/feed.xml"></head>
<body><h1>{TITLE}</h1></body></html>"""


class FeedSite:
    """Serves a page that names a feed, on localhost only. Its first stories are of the days before `now`."""

    def __init__(self, now: datetime) -> None:
        self._times = [now - number * _APART for number in range(_FIRST, 0, -1)]
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._serve_page)
        app.router.add_get("/feed.xml", self._serve_feed)
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

    async def _serve_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _serve_feed(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._write_feed(), content_type="application/rss+xml")

    def _write_feed(self) -> bytes:
        root = ElementTree.Element("rss", version="2.0")
        channel = ElementTree.SubElement(root, "channel")
        _add_texts(channel, title=TITLE, link=self.address)
        for number, ((title, text), at) in reversed(list(enumerate(zip(_STORIES, self._times, strict=False), start=1))):
            item = ElementTree.SubElement(channel, "item")
            link = f"{self.address}{number}"
            _add_texts(item, title=title, link=link, guid=link, description=text, pubDate=format_datetime(at))
        written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
        return written


def _add_texts(parent: ElementTree.Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text
