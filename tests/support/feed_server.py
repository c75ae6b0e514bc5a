"""A web server on loopback that serves feeds, and fails on command."""

from __future__ import annotations

import hashlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.sources.feeds.documents import rss


class FeedServer(ThreadingHTTPServer):
    """Serves each path's items. Each request fails with the probability of `failing`, in one of `FAULTS`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.items: dict[str, Sequence[str]] = {}
        self.pages: dict[str, str] = {}
        """Paths that are web pages."""
        self.failing = 0.0
        self.chance = random.Random(1)
        self.answers: Counter[str] = Counter()
        """Answers so far, by status code or fault."""

    @property
    def host(self) -> str:
        """As `NEWSDESK_FETCH_PRIVATE` wants it."""
        return f"127.0.0.1:{self.server_address[1]}"

    def url_of(self, path: str) -> str:
        return f"http://{self.host}{path}"


FAULTS = ("500", "429", "403", "reset", "cut", "page")


class _Handler(BaseHTTPRequestHandler):
    server: FeedServer

    def do_GET(self) -> None:
        server = self.server
        if server.failing and server.chance.random() < server.failing:
            self._fail(server.chance.choice(FAULTS))
            return
        if page := server.pages.get(self.path):
            self._answer(200, page.encode(), Content_Type="text/html")
            return
        if self.path not in server.items:
            self._answer(404)
            return
        body = rss(*server.items[self.path]).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        if self.headers.get("If-None-Match") == tag:
            self._answer(304, ETag=tag)
        else:
            self._answer(200, body, ETag=tag, Content_Type="application/rss+xml")

    def _fail(self, fault: str) -> None:
        if fault.isdecimal():
            self._answer(int(fault), Retry_After="1")
        elif fault == "page":
            self._answer(200, b"<!doctype html><title>Wait</title>", Content_Type="text/html")
        else:
            self.server.answers[fault] += 1
            if fault == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "5000")
                self.end_headers()
                self.wfile.write(b"<rss>")
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.server.answers[str(status)] += 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def finish(self) -> None:
        with suppress(OSError):  # the connection was reset on purpose
            super().finish()


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
