"""URLs: validate and encode links, and normalize them for comparison."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import idna

MAX_URL = 2048
"""Discord rejects longer URLs in embeds."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
# RFC 3986 characters and "%" are kept as they are; spaces, non-ASCII and <>"`{}| are percent-encoded.
_SAFE_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~\\^"
_NUMERIC_LABEL = re.compile(r"^(?:\d+|0x[0-9a-f]*)$", re.IGNORECASE)
_LONGEST_HOST = 253
_HOST = re.compile(
    r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$", re.IGNORECASE
)


# Fast path for nearly all URLs: a lower-case public host and nothing to encode. The slow path gives the same result.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,4}(?!local/|internal/|localhost/)[a-z]{2,20}"
    r"/[A-Za-z0-9%:/?#\[\]@!$&'()*+,;=._~^-]*"
)


class InvalidUrlError(ValueError):
    """A URL that must not be linked; the message says why."""


def sanitize_url(raw: str) -> str:
    """Validate a URL (http or https, public host name) and percent-encode it where needed. Raises `InvalidUrlError`."""
    raw = raw.strip()
    if len(raw) > MAX_URL:  # encoding makes it longer still
        raise InvalidUrlError(f"the address is longer than {MAX_URL} characters")
    if _PLAIN.fullmatch(raw):
        return raw
    if _CONTROLS.search(raw):
        raise InvalidUrlError("the address holds control characters")
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError as error:
        raise InvalidUrlError(f"not an address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise InvalidUrlError("only http and https addresses are linked")
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise InvalidUrlError("the address holds a user name")
    encoded = _percent_encode(raw, parts)
    if len(encoded) > MAX_URL:
        raise InvalidUrlError(f"the address is longer than {MAX_URL} characters")
    return encoded


def parse_link(raw: str) -> str | None:
    """Validate a URL like `sanitize_url`; None if it is empty or must not be linked."""
    try:
        return sanitize_url(raw) if raw.strip() else None
    except InvalidUrlError:
        return None


def _percent_encode(raw: str, parts: SplitResult) -> str:
    host = parts.hostname or ""
    if len(host) > _LONGEST_HOST:
        raise InvalidUrlError("the host name is malformed")
    try:
        public = host if host.isascii() else idna.encode(host, uts46=True).decode()
        raw.encode()
    except UnicodeError as error:
        raise InvalidUrlError("the host name is malformed, or a character is half of one") from error
    _check_host(public)
    if public != host:
        raw = raw.replace(parts.netloc, public if parts.port is None else f"{public}:{parts.port}", 1)
    return quote(raw, safe=_SAFE_CHARACTERS)


def _check_host(host: str) -> None:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise InvalidUrlError("the address points at this machine or its own network")
    if ":" in host or _NUMERIC_LABEL.match(host.rstrip(".").rpartition(".")[2]):
        raise InvalidUrlError("the address names a machine by its number")
    if not _HOST.match(host) or len(host) > _LONGEST_HOST:
        raise InvalidUrlError("the host name is malformed")


_SVG = re.compile(r"\.svgz?(?:[?#]|$)", re.IGNORECASE)


def is_svg(address: str) -> bool:
    """Whether a URL, absolute or not, is an SVG image, which Discord does not show."""
    return _SVG.search(address) is not None


def resolve_asset_url(path: str, base: str | None) -> str | None:
    """An image's URL: absolute as is, site-relative prefixed with `base`; None if neither is possible.

    Concatenates, because `urljoin` would drop the path of a base such as `https://host/site`.
    """
    try:
        if not path.startswith("/"):
            return sanitize_url(path)
        return sanitize_url(base.rstrip("/") + path) if base and not path.startswith("//") else None
    except InvalidUrlError:
        return None


_TRACKING = re.compile(
    r"^(?:utm_\w+|(?:fb|g|dc|tw|tt|y)clid|msclkid|mc_[ce]id|igsh(?:id)?|ocid|cmpid|amp|at_(?:medium|campaign|link_\w+|format)"
    r"|ns_(?:campaign|mchannel|source|linkname)|mkt_tok|_hs(?:enc|mi)|xtor|wt[._]mc(?:_id)?)$",
    re.IGNORECASE,
)


# Not before a last label alone: amp.dev is a site of its own.
_SERVICE = re.compile(r"^(?:(?:www|m|amp|feeds)\.)+(?=[^.]+\.)")


def normalize_host(host: str) -> str:
    """Return the site that a host belongs to: without `www.`, `m.`, `amp.` and `feeds.` before its name.

    For comparison, and for display where nothing else names the site.
    """
    return _SERVICE.sub("", host.lower())


def normalize_url(url: str) -> str:
    """Normalize a URL so that two URLs of the same article are equal. For comparison only, not for linking."""
    parts = _unwrap_redirects(urlsplit(url))
    host = normalize_host(parts.hostname or "")
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(key)]
    query = f"?{urlencode(sorted(kept))}" if kept else ""
    path = parts.path if "amp" not in parts.path else _AMP_PATH.sub(r"\1", parts.path)
    return f"{host}{port}{path.rstrip('/')}{query}"


def unwrap_url(url: str) -> str:
    """The URL that redirectors and AMP caches lead to, if their own URL names it; else the URL itself."""
    return urlunsplit(_unwrap_redirects(urlsplit(url)))


# The addresses at which a site serves the light version of a page: /story/amp, /amp/story, /story.amp, /story.amp.html
_AMP_PATH = re.compile(r"^/amp(?=/.)|(?<=.)/amp/?$|\.amp(\.html?)?$")
# Redirectors that carry the address they lead to: (host, path) → parameter. Without asking them nothing else is known.
_REDIRECTORS = {
    ("google.com", "/url"): ("url", "q"),
    ("bing.com", "/news/apiclick.aspx"): ("url",),
    ("l.facebook.com", "/l.php"): ("u",),
    ("lm.facebook.com", "/l.php"): ("u",),
    ("t.umblr.com", "/redirect"): ("z",),
    ("out.reddit.com", ""): ("url",),
    ("steamcommunity.com", "/linkfilter"): ("url", "u"),
    ("youtube.com", "/redirect"): ("q",),
    ("vk.com", "/away.php"): ("to",),
    ("go.redirectingat.com", ""): ("url",),
    ("news.url.google.com", "/url"): ("url",),
}
_AMP_CACHE = re.compile(r"(?:/amp)?(?:/[cvi])?/s/(?=[\w-]+\.)|/amp/(?=[\w-]+\.)")
_MAX_REDIRECTS = 3


def _unwrap_redirects(parts: SplitResult) -> SplitResult:
    """The URL behind redirectors and AMP caches that name it in their own URL."""
    for _ in range(_MAX_REDIRECTS):
        host = normalize_host(parts.hostname or "")
        target = ""
        if names := _REDIRECTORS.get((host, parts.path)) or _REDIRECTORS.get((host, "")):
            fields = dict(parse_qsl(parts.query))
            target = next((fields[name] for name in names if name in fields), "")
        elif (host == "google.com" or host.endswith(".cdn.ampproject.org")) and (cache := _AMP_CACHE.match(parts.path)):
            target = f"https://{parts.path[cache.end() :]}{'?' * bool(parts.query)}{parts.query}"
        link = parse_link(target)
        if link is None:
            break
        parts = urlsplit(link)
    return parts


_IN_TEXT = re.compile(r"https?://(?:(?!\]\()[^\s<>])+", re.IGNORECASE)
_TEXT = 20_000  # maximum characters searched; a Discord message with all its embeds has half as many
_CLOSING = {")": "(", "]": "["}


def find_links(text: str, most: int) -> dict[str, str]:
    """The first `most` links in a text by their normalized URLs; URLs that must not be linked are skipped."""
    hit: dict[str, str] = {}
    for match in _IN_TEXT.finditer(text[:_TEXT]):
        if len(match[0]) > 2 * MAX_URL:
            continue  # not a URL, and slow to trim
        try:
            link = sanitize_url(_strip_trailing_punctuation(match[0]))
            hit.setdefault(normalize_url(link), link)
        except InvalidUrlError:
            continue
        if len(hit) == most:
            break
    return hit


def _strip_trailing_punctuation(address: str) -> str:
    """Strip trailing characters that belong to the surrounding sentence or Markdown."""
    end = len(address)
    while end:
        last = address[end - 1]
        unopened = last in _CLOSING and address.count(last, 0, end) > address.count(_CLOSING[last], 0, end)
        if not unopened and last not in ".,;:!?'\"*_~|`":
            break
        end -= 1
    return address[:end]


_AUTHORITY = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//([^/?#\\]*@)", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(
    r"(?<=[?&;])([\w.-]*(?:token|secret|password|passwd|signature|apikey)|(?:[\w.-]*[_.-])?(?:key|auth|sig|pass|pwd|pw"
    r"|hash|sid|session|user|username|login|email))=[^&;#]*",
    re.IGNORECASE,
)


def redact_url(url: str) -> str:
    """A URL without user name and password, and without the values of parameters that are named like keys.

    For display only: in lists, logs and exports. A key within the path stays, since nothing tells it from a name.
    """
    if match := _AUTHORITY.match(url):
        url = url[: match.start(1)] + url[match.end(1) :]
    return _SECRET_PARAMETER.sub(r"\1=…", url)
