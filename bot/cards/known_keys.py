"""Known front matter keys, and suggestions for unknown ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Any

from bot.cards.text import normalize_name

LINKS = ("webUrl", "originalUrl", "sourceUrl")
"""Keys searched for the link, in this order. Videos have no webUrl; AMP copies are never linked."""
ALIASES = (*LINKS, "ampWebUrl", "cdnAmpWebUrl", "ampUrl", "cdnAmpUrl")

CARD = frozenset({
    "category", "title", "excerpt", "publishedDateTime", *ALIASES, "type", "quality", "heat", "published", "removed",
    "provider", "topics", "images", "related", "featuredContent", "secured",
})  # fmt: skip
"""Keys of a card and of a related story. Some are known but unused."""
PROVIDER = frozenset({"name", "domain", "images", "publishers"})
IMAGE = frozenset({"url", "width", "height", "title", "isCached"})
OF_SITES = frozenset({"layout", "permalink", "slug", "id", "lang"})
"""Keys for site generators, ignored here."""

_MEANT = {
    "excerpt": "summary description abstract subtitle teaser lead intro text",
    "topics": "tags tag topic categories keywords labels",
    "webUrl": "url link href address uri",
    "publishedDateTime": "date datetime pubdate publisheddate publishedat publicationdate time timestamp created",
    "images": "image picture pictures thumbnail cover photo",
    "provider": "source publisher site author authors",
    "title": "headline heading name",
    "quality": "score rating",
    "published": "draft visible public",
    "removed": "deleted withdrawn",
    "type": "kind",
    "category": "collection section",
    "domain": "host",
}
_WORDS = {word: key for key, words in _MEANT.items() for word in words.split()}
MAX_UNKNOWN = 20
"""Maximum number of unknown keys reported per map."""
_LONGEST = 40
_CLOSE = 0.74  # two of four letters swapped
_LETTERS = re.compile(r"[\W_]+")


def find_unknown_keys(fields: dict[Any, Any], known: frozenset[str]) -> Iterator[tuple[str, str | None]]:
    """Yield unknown keys with the key that was probably meant; None if there is no candidate, or it is also present."""
    strange = fields.keys() - known - OF_SITES
    for key in islice((key for key in fields if key in strange), MAX_UNKNOWN):
        yield str(key), _likely_key(str(key), known - fields.keys())


def _likely_key(key: str, missing: Collection[str]) -> str | None:
    if len(key) > _LONGEST:
        return None
    plain = _normalize_key(key)
    if (meant := _WORDS.get(plain)) in missing:
        return meant
    normalized = {_normalize_key(name): name for name in missing}
    close = get_close_matches(plain, normalized, 1, _CLOSE)
    return normalized[close[0]] if close else None


def _normalize_key(key: str) -> str:
    return _LETTERS.sub("", normalize_name(key))
