"""Fetch feeds and pages from the web, whatever stands at the other end."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import re
import socket
from collections.abc import Collection, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Self
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import SocketFactoryType
from yarl import URL

from bot.cards.urls import MAX_URL
from bot.domain.fetch_result import ContentKind, FetchProblem, FetchRequest, FetchResult, FetchStatus
from bot.settings import PrivateHost
from bot.sources.feeds.address_guard import AddressRefusedError, check_resolved, create_guarded_socket
from bot.sources.feeds.limited_socket import create_socket
from bot.sources.feeds.resolver import HostResolver
from bot.sources.feeds.response_headers import (
    parse_etag,
    parse_last_modified,
    parse_max_age,
    parse_retry_after,
)

MAX_REDIRECTS = 5
MAX_BODY = 5_000_000
"""Bytes after decompression."""
CONNECT_TIMEOUT = 5
"""Seconds for resolving, connecting and the TLS handshake together."""
TOTAL_TIMEOUT = 20
"""Seconds for a request with its redirects, without waiting for other requests."""
MAX_CONCURRENT = 20
"""Requests at a time; each may hold a body in memory."""
DEFAULT_PORTS = frozenset({80, 443})

_MAX_REQUEST_URL = 8192
"""Characters; signed addresses that redirects lead to are long, and servers take no more."""
_MAX_HEADER = 32_768
"""Bytes of a header line. Content-Security-Policy of honest sites exceeds aiohttp's 8,190."""
_KEEPALIVE = 2
"""Seconds that an idle connection is kept for the next feed of its host. Nothing else limits how many there are."""
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, "
    "application/json;q=0.8, text/html;q=0.7, */*;q=0.1"
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT_REDIRECTS = frozenset({301, 308})
_PROBLEMS = {
    401: FetchProblem.LOGIN_REQUIRED,
    403: FetchProblem.FORBIDDEN,
    404: FetchProblem.NOT_FOUND,
    407: FetchProblem.LOGIN_REQUIRED,
    410: FetchProblem.GONE,
    429: FetchProblem.RATE_LIMITED,
}
_ROOT = re.compile(rb"<(?:(rss|feed|rdf:rdf|opml)|!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_ROOT_WITHIN = 4096


class _FetchError(Exception):
    """The request ends here. Its text is for nobody: it would name addresses."""

    def __init__(self, problem: FetchProblem, status: int | None = None, retry_after: timedelta | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status
        self.retry_after = retry_after


@dataclass(slots=True)
class _Journey:
    """How far a request has come along its redirects.

    `url` never holds credentials. `is_outside`: a public host was asked, which must not send us into a private one.
    """

    request: FetchRequest
    now: datetime
    url: URL
    authorization: str
    origins: frozenset[URL]
    moved_to: URL | None = None
    is_outside: bool = False
    is_permanent: bool = True
    seconds: float = 0.0

    @property
    def headers(self) -> dict[str, str]:
        headers = {}
        if self.request.etag:
            headers["If-None-Match"] = self.request.etag
        if self.request.last_modified:
            headers["If-Modified-Since"] = self.request.last_modified
        if self.authorization and self.url.origin() in self.origins:
            headers["Authorization"] = self.authorization
        return headers

    def follow_redirect(self, status: int, location: str) -> None:
        """Go to the next address. Raises `_FetchError` if it is none of the web."""
        try:
            target = _strip_url(self.url.join(URL(location)))
        except ValueError:
            raise _FetchError(FetchProblem.INVALID_REDIRECT, status) from None
        if not location or not _is_web_url(target):
            raise _FetchError(FetchProblem.INVALID_REDIRECT, status)
        is_downgrade = self.url.scheme == "https" and target.scheme == "http"
        # A redirect to http is followed, since feeds are public, but not remembered for ever.
        is_lasting = status in _PERMANENT_REDIRECTS and not is_downgrade and len(str(target)) <= MAX_URL
        self.is_permanent = self.is_permanent and is_lasting
        self.url = target
        if self.is_permanent:
            self.moved_to = target

    def format_moved(self) -> str:
        if self.moved_to is None:
            return ""
        if not self.authorization or self.moved_to.origin() not in self.origins:
            return str(self.moved_to)
        given = URL(self.request.url)
        return str(self.moved_to.with_user(given.user).with_password(given.password))


class Fetcher:
    """Fetches documents over http and https from public addresses, and from hosts that the operator names.

    An async context manager. Requests may run at the same time; those to one host name wait for each other. Trouble of
    any kind is a `FetchResult`, never an exception. The private hosts are reached directly, all others through `proxy`
    if it is set. `contact` tells site owners whom to write to. Who answers people uses another instance than the
    poller, whose requests may take long.
    """

    def __init__(
        self,
        *,
        contact: str | None = None,
        ports: Collection[int] = DEFAULT_PORTS,
        private_hosts: Collection[PrivateHost] = (),
        proxy: str | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._user_agent = f"Newsdesk ({contact})" if contact else "Newsdesk"
        self._ports = frozenset(ports)
        self._private_hosts = frozenset(private_hosts)
        self._proxy = proxy
        self._resolver = resolver or HostResolver()
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        # A lock lives as long as somebody holds it or waits for it.
        self._host_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Behind a proxy the guard would judge the proxy's own address; the names are judged before instead.
        guard = create_socket if self._proxy else create_guarded_socket
        self._public = await self._stack.enter_async_context(self._open_session(guard, self._proxy))
        self._private = await self._stack.enter_async_context(self._open_session(create_socket, None))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _open_session(self, create: SocketFactoryType, proxy: str | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver, socket_factory=create, limit=0, keepalive_timeout=_KEEPALIVE
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"},
            proxy=proxy,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT),  # the whole time is limited in `_take_step`
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
        )

    async def fetch(self, request: FetchRequest, now: datetime) -> FetchResult:
        """Fetch a document unless it is unchanged. `now` (aware UTC) is for servers that tell no time themselves."""
        journey: _Journey | None = None
        try:
            journey = _begin_journey(request, now)
            result = await self._follow_redirects(journey)
        except _FetchError as error:
            result = FetchResult(
                FetchStatus.FAILED,
                url=str(journey.url) if journey else "",
                problem=error.problem,
                http_status=error.status,
                retry_after=error.retry_after,
            )
        return replace(result, elapsed=timedelta(seconds=journey.seconds if journey else 0))

    async def _follow_redirects(self, journey: _Journey) -> FetchResult:
        for _ in range(MAX_REDIRECTS + 1):
            if (result := await self._take_step(journey)) is not None:
                return result
        raise _FetchError(FetchProblem.REDIRECT_LOOP)

    async def _take_step(self, journey: _Journey) -> FetchResult | None:
        """Ask one address; None if it redirects."""
        session = self._choose_session(journey)
        host = journey.url.raw_host or ""
        # The host first: whoever waits for a slow host must not take a slot from others.
        async with self._host_locks.setdefault(host.rstrip("."), asyncio.Lock()), self._slots:
            start = monotonic()
            try:
                with _translate_errors():
                    async with asyncio.timeout(TOTAL_TIMEOUT - journey.seconds):
                        return await self._ask_host(session, journey)
            finally:
                journey.seconds += monotonic() - start

    def _choose_session(self, journey: _Journey) -> aiohttp.ClientSession:
        """Choose by the address that is asked for, not by what it resolves to. Raises `_FetchError`."""
        host, port = (journey.url.raw_host or "").rstrip("."), journey.url.port or 0
        if PrivateHost(host, port) in self._private_hosts or (
            port in self._ports and PrivateHost(host, None) in self._private_hosts
        ):
            if journey.is_outside:
                raise _FetchError(FetchProblem.PRIVATE_ADDRESS)
            return self._private
        if port not in self._ports:
            raise _FetchError(FetchProblem.PORT_REFUSED)
        journey.is_outside = True
        return self._public

    async def _ask_host(self, session: aiohttp.ClientSession, journey: _Journey) -> FetchResult | None:
        if self._proxy and session is self._public:
            check_resolved(await self._resolver.resolve(journey.url.raw_host or "", journey.url.port or 0))
        async with session.get(journey.url, headers=journey.headers, allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                journey.follow_redirect(response.status, response.headers.get("Location", ""))
                return None
            if response.status == 304:
                return _describe_unchanged(response, journey)
            if response.status != 200:
                raise _describe_refusal(response, journey)
            return _describe_document(response, await _read_body(response), journey)


def _strip_url(url: URL) -> URL:
    """Take away what belongs to no request: credentials, fragment, default port. Raises `ValueError`."""
    url = url.with_user(None).with_fragment(None)
    return url.with_port(None) if url.is_default_port() else url


def _is_web_url(url: URL) -> bool:
    return url.scheme in ("http", "https") and bool(url.raw_host) and len(str(url)) <= _MAX_REQUEST_URL


def _begin_journey(request: FetchRequest, now: datetime) -> _Journey:
    """Parse the address of a request. Raises `_FetchError` if it is none of the web."""
    try:
        given = URL(request.url)
        url = _strip_url(given)
        origin = url.origin()
    except ValueError:
        raise _FetchError(FetchProblem.INVALID_ADDRESS) from None
    if not _is_web_url(url):
        raise _FetchError(FetchProblem.INVALID_ADDRESS)
    authorization = ""
    if given.user is not None or given.password is not None:
        authorization = aiohttp.encode_basic_auth(given.user or "", given.password or "")
    # Credentials are for one host, also when it moves from http to https, and never the other way round.
    is_upgradable = origin.scheme == "http" and origin.is_default_port()
    origins = frozenset({origin, origin.with_scheme("https")} if is_upgradable else {origin})
    return _Journey(request, now, url, authorization, origins)


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    """Read a decompressed body in pieces, up to the limit. Raises `_FetchError`."""
    if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        # aiohttp leaves what it does not know as it is.
        raise _FetchError(FetchProblem.INVALID_RESPONSE, response.status)
    body = bytearray()
    if (response.content_length or 0) <= MAX_BODY:
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MAX_BODY:
                break
        else:
            return bytes(body)
    raise _FetchError(FetchProblem.TOO_LARGE, response.status)


def _describe_document(response: aiohttp.ClientResponse, body: bytes, journey: _Journey) -> FetchResult:
    body_hash = hashlib.sha256(body).hexdigest()
    is_known = body_hash == journey.request.body_hash
    content_type = response.headers.get("Content-Type", "")
    return FetchResult(
        FetchStatus.UNCHANGED if is_known else FetchStatus.NEW,
        url=str(journey.url),
        http_status=response.status,
        body=b"" if is_known else body,
        content_type=content_type,
        kind=_classify_content(body),
        etag=parse_etag(response.headers),
        last_modified=parse_last_modified(response.headers),
        body_hash=body_hash,
        moved_to=journey.format_moved(),
        max_age=parse_max_age(response.headers, journey.now),
    )


def _describe_unchanged(response: aiohttp.ClientResponse, journey: _Journey) -> FetchResult:
    request = journey.request
    if not request.etag and not request.last_modified:
        raise _FetchError(FetchProblem.INVALID_RESPONSE, response.status)
    return FetchResult(
        FetchStatus.UNCHANGED,
        url=str(journey.url),
        http_status=response.status,
        etag=parse_etag(response.headers) or request.etag,
        last_modified=parse_last_modified(response.headers) or request.last_modified,
        body_hash=request.body_hash,
        moved_to=journey.format_moved(),
        max_age=parse_max_age(response.headers, journey.now),
    )


def _describe_refusal(response: aiohttp.ClientResponse, journey: _Journey) -> _FetchError:
    problem = _PROBLEMS.get(response.status, FetchProblem.UNEXPECTED_STATUS)
    if response.headers.get("cf-mitigated"):  # Cloudflare's puzzle for browsers, whatever the status
        problem = FetchProblem.FORBIDDEN
    elif response.status >= 500:
        problem = FetchProblem.SERVER_ERROR
    return _FetchError(problem, response.status, parse_retry_after(response.headers, journey.now))


def _classify_content(body: bytes) -> ContentKind:
    # Without NUL, the ASCII characters of UTF-16 read like those of UTF-8.
    head = body[:_ROOT_WITHIN].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if head.startswith((b"{", b"[")):
        return ContentKind.JSON
    if not head.startswith(b"<"):
        return ContentKind.OTHER
    return ContentKind.HTML if (root := _ROOT.search(head)) and not root[1] else ContentKind.XML


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise `_FetchError` for whatever may go wrong with a connection."""
    try:
        yield
    except AddressRefusedError:
        raise _FetchError(FetchProblem.PRIVATE_ADDRESS) from None
    except TimeoutError:
        raise _FetchError(FetchProblem.TIMEOUT) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _FetchError(_classify_error(error)) from None


_ERRORS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], FetchProblem], ...] = (
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), FetchProblem.UNKNOWN_HOST),
    (aiohttp.ClientSSLError, FetchProblem.TLS_ERROR),
    (aiohttp.ClientHttpProxyError, FetchProblem.UNREACHABLE),
    ((aiohttp.ClientResponseError, aiohttp.ClientPayloadError), FetchProblem.INVALID_RESPONSE),
    (OSError, FetchProblem.UNREACHABLE),
    (aiohttp.ServerDisconnectedError, FetchProblem.UNREACHABLE),
    (ValueError, FetchProblem.INVALID_ADDRESS),  # aiohttp.InvalidURL, or a name that cannot be encoded
)
"""The first match counts."""


def _classify_error(error: Exception) -> FetchProblem:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefusedError):
        return FetchProblem.PRIVATE_ADDRESS
    if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
        return FetchProblem.TOO_LARGE
    return next((problem for kinds, problem in _ERRORS if isinstance(error, kinds)), FetchProblem.INVALID_RESPONSE)
