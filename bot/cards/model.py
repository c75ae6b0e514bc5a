"""Value types for cards and where they come from; immutable."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


class CardState(enum.StrEnum):
    """A card's state as given by its file. Moderators may override it, except for a withdrawal."""

    PUBLISHED = "published"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    FOLLOWED = "followed"
    """Of a source that is not everybody's: by itself visible to nobody. In each server that follows the source, the
    server's own row says whether it is published or held."""


class HeldReason(enum.StrEnum):
    """Why a card is held."""

    COVERED = "covered"
    UNSCORED = "unscored"
    BELOW_BAR = "below_bar"
    UNCOVERED = "uncovered"
    """By the policy of a server that waits for a second publisher."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The article's publisher. `icon` is an absolute http(s) URL or a site-relative path."""

    name: str
    domain: str = ""
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image. `url` is an absolute http(s) URL or a site-relative path; sizes are in pixels, 0 if unknown."""

    url: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class RelatedArticle:
    """Another publisher's version of the same story."""

    title: str
    url: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A news card.

    `slug` is the file's path relative to its card folder, without the suffix. `title` and `excerpt` are repaired for
    display; the raw forms are kept as well. `published_at` is aware UTC. `related` stories are deduplicated, best
    first. `aliases` are the normalized URLs of the same article.
    """

    slug: str
    title: str
    published_at: datetime
    excerpt: str = ""
    raw_title: str = ""
    raw_excerpt: str = ""
    url: str | None = None
    type: str = "article"
    quality: int | None = None
    heat: int | None = None
    state: CardState = CardState.HELD
    held_reason: HeldReason | None = None
    provider: Provider | None = None
    topics: tuple[str, ...] = ()
    image: Image | None = None
    related: tuple[RelatedArticle, ...] = ()
    aliases: tuple[str, ...] = ()


SCHEDULED_AFTER = timedelta(hours=14)
"""A time further ahead than this is in the future everywhere: time zones go up to UTC+14."""


def is_scheduled(published_at: datetime, now: datetime) -> bool:
    """Whether a card is scheduled for the future and thus hidden until then. Both times are aware."""
    return published_at - now > SCHEDULED_AFTER


def effective_published_at(published_at: datetime, now: datetime) -> datetime:
    """The effective publication time of a card read at `now`: its own time, or `now` if that is up to 14 hours ahead.

    Later than `now` if and only if the card is scheduled.
    """
    return published_at if is_scheduled(published_at, now) else min(published_at, now)


class SourceKind(enum.StrEnum):
    """Kind of a source of cards."""

    FOLDER = "folder"
    FEED = "feed"
    HTTP = "http"
    LINKS = "links"
    """The links that people submit in one server."""


class SourceItem(NamedTuple):
    """An item of a source: its key there, and a fingerprint that differs whenever its content may have changed.

    What a fingerprint means is known to the source alone. A named tuple because a load creates and compares one for
    every file.
    """

    key: str
    fingerprint: str

    def as_untried(self) -> SourceItem:
        """Return a copy that matches no listed item, so that the next load reads it even if it has not changed."""
        return SourceItem(self.key, "")


class Severity(enum.StrEnum):
    """Severity of a problem: a card with an error is rejected, notes are informational."""

    ERROR = "error"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a file or another item of a source, worded for its author. `line` counts from 1."""

    file: str
    line: int
    field: str
    problem: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class ParseResult:
    """Result of reading one item: a card or None, and problems. A file that is not a news card yields a note.

    `is_other`: it declares another category.
    `digest` is a hash of its bytes, None if they were not read.
    `appears_at` is when the card counts as published, if that was in the future when it was read.
    """

    card: Card | None
    problems: tuple[Problem, ...] = ()
    is_other: bool = False
    digest: str | None = None
    appears_at: datetime | None = None
