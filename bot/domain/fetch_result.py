"""Requests for documents on the web and their results, as values that are kept and explained to people."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import timedelta


class FetchStatus(enum.StrEnum):
    """What a request came to."""

    NEW = "new"
    """A document that differs from the known one."""
    UNCHANGED = "unchanged"
    FAILED = "failed"


class FetchProblem(enum.StrEnum):
    """Why there is no document. Whoever asked for it words the problem for people."""

    INVALID_ADDRESS = "invalid_address"
    """Not a whole http or https address, or one that no host can have."""
    PRIVATE_ADDRESS = "private_address"
    """It leads to this machine or its own network, by itself or by a redirect."""
    PORT_REFUSED = "port_refused"
    REDIRECT_LOOP = "redirect_loop"
    """More redirects than are followed."""
    INVALID_REDIRECT = "invalid_redirect"
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"
    """The connection was refused or broken off."""
    TLS_ERROR = "tls_error"
    """An expired certificate, one of another host, or no TLS at all."""
    TIMEOUT = "timeout"
    INVALID_RESPONSE = "invalid_response"
    """Not HTTP, cut short, with headers beyond all measure, or compressed in a way that was not offered."""
    TOO_LARGE = "too_large"
    LOGIN_REQUIRED = "login_required"
    FORBIDDEN = "forbidden"
    """Most often a site that keeps bots out."""
    NOT_FOUND = "not_found"
    GONE = "gone"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"


class ContentKind(enum.StrEnum):
    """What a document roughly is, whatever it calls itself."""

    XML = "xml"
    JSON = "json"
    HTML = "html"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A document to fetch. `url` may hold credentials; the others are of its last known state, empty if unknown."""

    url: str = field(repr=False)
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of a request.

    `url` is the final address, without credentials, but with what keys its query may hold. `moved_to` is where
    permanent redirects alone led, with the credentials of the request if they hold there; empty if there were none.
    Body, content type and kind belong to a new document. The validators are those to send the next time. `max_age` is
    how long the site calls the answer fresh, `retry_after` how long it wants to be left alone; None if it does not say.
    `elapsed` excludes waiting for other requests.
    """

    status: FetchStatus
    url: str = field(default="", repr=False)
    problem: FetchProblem | None = None
    http_status: int | None = None
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    kind: ContentKind | None = None
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    moved_to: str = field(default="", repr=False)
    max_age: timedelta | None = None
    retry_after: timedelta | None = None
    elapsed: timedelta = timedelta()
