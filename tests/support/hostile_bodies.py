"""What hostile sites answer instead of a feed: each may cost the asking side time or memory without end."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterator
from html import escape

from tests.sources.feeds.documents import atom, element, rss, rss_item
from tests.sources.feeds.web_server import Answer, respond

_MEGABYTE = 1_000_000
_LARGEST = 4_900_000
"""Bytes; just below what is fetched of a document."""
_XML = "application/rss+xml"


def make_bomb(encoding: str, megabytes: int) -> bytes:
    """Zeros, compressed to a thousandth; without the end, since nobody may read that far."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    # After a full flush a block refers to nothing before it, so that it can be repeated.
    first, next_one = (compressor.compress(bytes(_MEGABYTE)) + compressor.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + next_one * (megabytes - 1)


async def send_endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


async def send_endless_notes(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        await writer.drain()


async def send_endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n" * 1000)
        await writer.drain()


async def send_endless_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def send_slowly(writer: asyncio.StreamWriter) -> None:
    """Never reach an end, and never pause for long."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def send_nothing(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def send_small_chunks(writer: asyncio.StreamWriter) -> None:
    """A body of 5 MB in chunks of one byte."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n<\r\n" * 10_000)
        await writer.drain()


def _feed(body: str | bytes) -> Callable[[], Answer]:
    return lambda: respond(200, body.encode() if isinstance(body, str) else body, Content_Type=_XML)


def _repeat_items(item: str, most: int = 1_000_000) -> str:
    return rss(*[item] * min(_LARGEST // len(item), most))


def _number_items(more: str, count: int = 1000) -> Iterator[str]:
    """Different items, each with the same text again and again: together as large as a document may be."""
    text = more * ((_LARGEST // count - 300) // len(escape(more)))
    for number in range(count):
        yield rss_item(title=f"Story {number}", link=f"https://p.example/{number}", guid=f"{number}", description=text)


_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
_DEEP_OUTLINES = '<outline text="a">' * 5000 + '<outline text="b" xmlUrl="https://p.example/"/>' + "</outline>" * 5000
BODIES: dict[str, Callable[[], Answer]] = {
    "gzip, 500 MB": lambda: respond(200, make_bomb("gzip", 500), Content_Encoding="gzip"),
    "deflate, 500 MB": lambda: respond(200, make_bomb("deflate", 500), Content_Encoding="deflate"),
    "1,000 gzip members": lambda: respond(200, gzip.compress(bytes(20_000)) * 1000, Content_Encoding="gzip"),
    "brotli": lambda: respond(200, b"\x8b" * 1000, Content_Encoding="br"),
    "zstd": lambda: respond(200, b"\x28\xb5\x2f\xfd" * 1000, Content_Encoding="zstd"),
    "50 MB": lambda: respond(200, bytes(50 * _MEGABYTE)),
    "endless body": lambda: send_endless_body,
    "endless header": lambda: send_endless_header,
    "endless headers": lambda: send_endless_headers,
    "endless 100 Continue": lambda: send_endless_notes,
    "chunks of one byte": lambda: send_small_chunks,
    "slow drip": lambda: send_slowly,
    "silence": lambda: send_nothing,
    "redirect to itself": lambda: respond(302, Location="/"),
    "entities": _feed(
        f'<!DOCTYPE rss [<!ENTITY e0 "ha">{_ENTITIES}]><rss><channel><title>&e11;</title></channel></rss>'
    ),
    "200 kB of <!--": _feed(rss(rss_item(description="<!--" * 50_000))),
    "200 kB of <!-- outside": _feed("<rss>" + "<!--" * 50_000),
    "1,500 nested div": _feed(rss(rss_item(description="<div>" * 1500))),
    "5 MB of nested div": _feed(rss(*_number_items("<div>"))),
    "5 MB of <a": _feed(rss(*_number_items("<a "))),
    "5 MB of <": _feed(rss(*_number_items("<"))),
    "5 MB of &": _feed(rss(*_number_items("&#"))),
    "5 MB of text": _feed(rss(*_number_items("A word or two. "))),
    "nested XHTML": _feed(
        atom(f'<entry><content type="xhtml">{"<div>" * 20_000}{"</div>" * 20_000}</content></entry>')
    ),
    "100,000 items": _feed(_repeat_items("<item><title>a</title></item>", 100_000)),
    "10,000 enclosures": _feed(rss(rss_item('<enclosure url="https://p.example/a.jpg" type="image/jpeg"/>' * 10_000))),
    "50,000 categories": _feed(rss(rss_item("".join(element("category", f"c{n}") for n in range(50_000))))),
    "20,000 attributes": _feed("<rss " + 'a="b" ' * 20_000 + "/>"),
    "JSON, 100,000 deep": _feed('{"items": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "JSON, 100,000 items": _feed('{"items": [' + ",".join(["{}"] * 100_000) + "]}"),
    "JSON, 100,000 tags": _feed('{"items": [{"title": "a", "tags": [' + ",".join(['"t"'] * 100_000) + "]}]}"),
    "OPML, 5,000 deep": _feed(f'<opml version="2.0"><body>{_DEEP_OUTLINES}</body></opml>'),
    "HTML, 5,000 links": _feed("<!doctype html><html>" + '<link rel="alternate" href="/f">' * 5000),
}
"""Answers by what is in them; each is made when it is asked for."""
EARNEST = frozenset({
    "entities", "200 kB of <!--", "200 kB of <!-- outside", "1,500 nested div", "5 MB of nested div", "5 MB of <a",
    "5 MB of <", "5 MB of &", "5 MB of text", "nested XHTML", "100,000 items", "10,000 enclosures", "50,000 categories",
    "20,000 attributes", "JSON, 100,000 items", "JSON, 100,000 tags",
})  # fmt: skip
"""Those of `BODIES` that may be read as a feed."""
