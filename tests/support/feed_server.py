"""A web server on loopback that serves feeds, and fails and lies on command."""

from __future__ import annotations

import hashlib
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.sources.feeds.documents import rss

_XML = "application/rss+xml"
_REDIRECT = re.compile(r"\?via=\d{3}$")


class FeedServer(ThreadingHTTPServer):
    """Serves each path's items. Each request fails with the probability of `failing`, in one of `FAULTS`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.items: dict[str, Sequence[str]] = {}
        self.pages: dict[str, str] = {}
        """Paths that are web pages."""
        self.responses: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        """Paths that answer with this status, body and headers."""
        self.failing = 0.0
        self.chance = random.Random(1)
        self.answers: Counter[str] = Counter()
        """Answers so far, by status code or fault."""

    @property
    def host(self) -> str:
        """As `NEWSDESK_FETCH_PRIVATE` wants it."""
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients are killed."""

    def url_of(self, path: str, name: str = "127.0.0.1") -> str:
        """The address of a path; `localhost` is another host to those who count requests by host."""
        return f"http://{name}:{self.server_address[1]}{path}"


def route_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names that end in `.example` lead to this machine, as those of hosts in the operator's own network may."""
    look_up = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if str(host).endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


class _Handler(BaseHTTPRequestHandler):
    server: FeedServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        server = self.server
        if server.failing and server.chance.random() < server.failing:
            fault = server.chance.choice(list(FAULTS))
            server.answers[fault] += 1
            FAULTS[fault](self)
        elif response := server.responses.get(self.path):
            status, body, headers = response
            self._count(status)
            self.answer(status, body, length=None, **headers)
        elif (page := server.pages.get(self.path)) is not None:
            self._count(200)
            self.answer(200, page.encode(), Content_Type="text/html")
        elif (path := _REDIRECT.sub("", self.path)) not in server.items:
            self._count(404)
            self.answer(404)
        else:
            tag = _make_tag(body := self.write_feed(path))
            is_known = self.headers.get("If-None-Match") == tag
            self._count(304 if is_known else 200)
            self.answer(304 if is_known else 200, b"" if is_known else body, ETag=tag, Content_Type=_XML)

    def _count(self, status: int) -> None:
        self.server.answers[str(status)] += 1

    def write_feed(self, path: str = "", *, without_newest: bool = False) -> bytes:
        items = self.server.items.get(path or _REDIRECT.sub("", self.path), ())
        return rss(*items[without_newest:]).encode()

    def answer(self, status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> None:
        """Answer; `length` is a lie about the body's length."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def begin_body(self, body: bytes) -> None:
        """Answer with a body that ends as the connection does."""
        self.send_response(200)
        self.send_header("Content-Type", _XML)
        self.send_header("ETag", _make_tag(self.write_feed()))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def reset(self) -> None:
        """Break the connection off without a word."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def finish(self) -> None:
        with suppress(OSError):  # the connection was reset on purpose
            super().finish()


def _make_tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()}"'


def _reset_midway(handler: _Handler) -> None:
    handler.answer(200, b"<rss>", length=5000, Content_Type=_XML)
    handler.reset()


def _close_midway(handler: _Handler) -> None:
    body = handler.write_feed()
    handler.answer(200, body[: len(body) // 2], length=len(body), Content_Type=_XML)
    handler.close_connection = True


def _break_off(handler: _Handler) -> None:
    """End within the oldest items, as a site does whose program dies; nothing says that the body is not whole."""
    body = handler.write_feed()
    handler.begin_body(body[: round(len(body) * handler.server.chance.uniform(0.8, 0.99))])


def _name_short_length(handler: _Handler) -> None:
    """What is left of the body stands where the next answer is expected."""
    body = handler.write_feed()
    handler.answer(200, body, length=round(len(body) * 0.9), Content_Type=_XML, ETag=_make_tag(body))
    handler.close_connection = True


def _name_stale_tag(handler: _Handler) -> None:
    """The body of before, with the tag of now: a cache that was filled between two versions."""
    tag = _make_tag(handler.write_feed())
    handler.answer(200, handler.write_feed(without_newest=True), ETag=tag, Content_Type=_XML)


def _redirect(status: int) -> Callable[[_Handler], None]:
    def answer(handler: _Handler) -> None:
        handler.answer(status, Location=f"{_REDIRECT.sub('', handler.path)}?via={status}")

    return answer


FAULTS: dict[str, Callable[[_Handler], None]] = {
    "500": lambda handler: handler.answer(500, Retry_After="1"),
    "429": lambda handler: handler.answer(429, Retry_After="1"),
    "403": lambda handler: handler.answer(403),
    "reset": _Handler.reset,
    "reset midway": _reset_midway,
    "close midway": _close_midway,
    "break off": _break_off,
    "short length": _name_short_length,
    "page": lambda handler: handler.answer(200, b"<!doctype html><title>Wait</title>", Content_Type="text/html"),
    "empty": lambda handler: handler.answer(200, Content_Type=_XML),
    "wrong type": lambda handler: handler.answer(200, handler.write_feed(), Content_Type="image/png"),
    "wrong encoding": lambda handler: handler.answer(200, handler.write_feed(), Content_Encoding="gzip"),
    "false 304": lambda handler: handler.answer(304),
    "random tag": lambda handler: handler.answer(
        200, handler.write_feed(), ETag=f'"{handler.server.chance.random()}"', Content_Type=_XML
    ),
    "stale tag": _name_stale_tag,
    "loop": lambda handler: handler.answer(302, Location=handler.path),
    "302": _redirect(302),
    "301": _redirect(301),
    "308": _redirect(308),
}
"""What an answer may be instead of the feed, or of that it is unchanged."""


@contextmanager
def serve_feeds() -> Iterator[FeedServer]:
    """Serve while the context is open."""
    server = FeedServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
