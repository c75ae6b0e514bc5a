"""Addresses: which may be linked, in which form, and when two mean the same article."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import idna

MAX_URL = 2048
"""Discord refuses longer addresses in embeds."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
# RFC 3986's own characters and "%" stay byte for byte; spaces, non-ASCII and <>"`{}| are percent-encoded.
_KEPT = "%:/?#[]@!$&'()*+,;=-._~\\^"
_NUMERIC_LABEL = re.compile(r"^(?:\d+|0x[0-9a-f]*)$", re.IGNORECASE)
_LONGEST_HOST = 253
_HOST = re.compile(
    r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$", re.IGNORECASE
)


# Nearly every address: a lower-case public host and nothing to encode. The long way would say the same, slower.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,4}(?!local/|internal/|localhost/)[a-z]{2,20}"
    r"/[A-Za-z0-9%:/?#\[\]@!$&'()*+,;=._~^-]*"
)


class LinkError(ValueError):
    """An address that must not be linked; the text says why."""


def link(raw: str) -> str:
    """The address as it may be shown: http(s), a public host name, percent-encoded where needed. Raises `LinkError`."""
    raw = raw.strip()
    if len(raw) > MAX_URL:  # encoding makes it longer still
        raise LinkError(f"the address is longer than {MAX_URL} characters")
    if _PLAIN.fullmatch(raw):
        return raw
    if _CONTROLS.search(raw):
        raise LinkError("the address holds control characters")
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError as error:
        raise LinkError(f"not an address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise LinkError("only http and https addresses are linked")
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise LinkError("the address holds a user name")
    encoded = _encoded(raw, parts)
    if len(encoded) > MAX_URL:
        raise LinkError(f"the address is longer than {MAX_URL} characters")
    return encoded


def _encoded(raw: str, parts: SplitResult) -> str:
    host = parts.hostname or ""
    if len(host) > _LONGEST_HOST:
        raise LinkError("the host name is malformed")
    try:
        public = host if host.isascii() else idna.encode(host, uts46=True).decode()
        raw.encode()
    except UnicodeError as error:
        raise LinkError("the host name is malformed, or a character is half of one") from error
    _check_host(public)
    if public != host:
        raw = raw.replace(parts.netloc, public if parts.port is None else f"{public}:{parts.port}", 1)
    return quote(raw, safe=_KEPT)


def _check_host(host: str) -> None:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise LinkError("the address points at this machine or its own network")
    if ":" in host or _NUMERIC_LABEL.match(host.rstrip(".").rpartition(".")[2]):
        raise LinkError("the address names a machine by its number")
    if not _HOST.match(host) or len(host) > _LONGEST_HOST:
        raise LinkError("the host name is malformed")


_SVG = re.compile(r"\.svgz?(?:[?#]|$)", re.IGNORECASE)


def is_svg(address: str) -> bool:
    """Whether an address, absolute or not, names a picture of the one form that Discord does not show."""
    return _SVG.search(address) is not None


def asset(path: str, base: str | None) -> str | None:
    """A picture's address: absolute as it stands, site-relative put behind `base`; None where there is no way.

    The two are concatenated: `urljoin` would drop the path of a base such as `https://host/site`.
    """
    try:
        if not path.startswith("/"):
            return link(path)
        return link(base.rstrip("/") + path) if base and not path.startswith("//") else None
    except LinkError:
        return None


_TRACKING = re.compile(r"^(?:utm_\w+|fbclid|gclid|mc_[ce]id|igshid|ocid|cmpid|amp)$", re.IGNORECASE)


def normalised(url: str) -> str:
    """The form under which two addresses of one article are equal. For comparing only, never for linking."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(key)]
    query = f"?{urlencode(sorted(kept))}" if kept else ""
    return f"{host}{port}{parts.path.rstrip('/')}{query}"


_IN_TEXT = re.compile(r"https?://(?:(?!\]\()[^\s<>])+", re.IGNORECASE)
_TEXT = 20_000  # characters of a text that are looked through; a Discord message with all its embeds has half of them
_CLOSING = {")": "(", "]": "["}


def addresses_in(text: str, most: int) -> list[str]:
    """The first `most` web links of a text in their normalised form, each once; what must not be linked is skipped."""
    found: dict[str, None] = {}
    for match in _IN_TEXT.finditer(text[:_TEXT]):
        if len(match[0]) > 2 * MAX_URL:
            continue  # no address, and slow to find the end of
        try:
            found[normalised(link(_without_end(match[0])))] = None
        except LinkError:
            continue
        if len(found) == most:
            break
    return list(found)


def _without_end(address: str) -> str:
    """The address without what belongs to the sentence or the Markdown around it."""
    end = len(address)
    while end:
        last = address[end - 1]
        unopened = last in _CLOSING and address.count(last, 0, end) > address.count(_CLOSING[last], 0, end)
        if not unopened and last not in ".,;:!?'\"*_~|`":
            break
        end -= 1
    return address[:end]
