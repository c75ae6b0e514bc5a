"""Response headers that say when to ask again and whether anything has changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MAX_SECONDS = 10 * 365 * 86_400
"""Longer spans count as this long; whoever schedules has tighter limits, and timedelta overflows beyond its own."""
_DIRECTIVE = re.compile(r"(no-store|no-cache|max-age)\s*(?:=\s*\"?(\d{1,12}))?", re.IGNORECASE)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_ETAG = re.compile(r"(?:W/)?\"[\x21\x23-\x7e]{1,512}\"|[\x21\x23-\x7e]{1,512}")
_MAX_DATE = 64


def parse_max_age(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the response stays fresh by `Cache-Control` or else `Expires`; None if they do not say."""
    if control := headers.get("Cache-Control"):
        directives = {match[1].lower(): match[2] for match in _DIRECTIVE.finditer(control)}
        if "no-store" in directives or "no-cache" in directives:
            return timedelta()
        if seconds := directives.get("max-age"):
            return _to_span(int(seconds))
    if (expires := _parse_date(headers.get("Expires"))) is None:
        return None
    return _span_until(expires, headers, now)


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long to wait by `Retry-After`, in seconds or until a date; None if it is missing or nonsense."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return _to_span(int(text))
    date = _parse_date(text)
    return None if date is None else _span_until(date, headers, now)


def parse_etag(headers: Mapping[str, str]) -> str:
    """The entity tag to send back; empty if there is none, an empty one, or one that is none of HTTP's."""
    etag = headers.get("ETag", "").strip()
    return etag if _ETAG.fullmatch(etag) and etag != "W/" else ""


def parse_last_modified(headers: Mapping[str, str]) -> str:
    """The date to send back, as the server wrote it; empty if it is none."""
    text = headers.get("Last-Modified", "").strip()
    return text if _parse_date(text) else ""


def _span_until(date: datetime, headers: Mapping[str, str], now: datetime) -> timedelta:
    # Counted from the server's own clock, if it tells the time: it may run fast or slow.
    seconds = (date - (_parse_date(headers.get("Date")) or now)).total_seconds()
    return _to_span(max(0, seconds))


def _to_span(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, _MAX_SECONDS))


def _parse_date(text: str | None) -> datetime | None:
    if not text or len(text) > _MAX_DATE or not text.isascii():
        return None
    try:
        date = parsedate_to_datetime(text)
        # A date at the edge of the calendar overflows as its zone is taken away.
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
