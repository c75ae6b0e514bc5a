"""The values that the rest of the program speaks of. All frozen, all valid once made."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


class State(enum.StrEnum):
    """What a card's own file says about it. A moderator's decision may differ, a withdrawal binds everyone."""

    PUBLISHED = "published"
    HELD = "held"
    WITHDRAWN = "withdrawn"


class HeldReason(enum.StrEnum):
    """Why a file holds its card back."""

    COVERED = "covered"
    UNSCORED = "unscored"
    BELOW_BAR = "below_bar"


@dataclass(frozen=True, slots=True)
class Provider:
    """Who published the article. `icon` is an absolute http(s) address or a site-relative path."""

    name: str
    domain: str = ""
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of the card. `url` is absolute http(s) or a site-relative path; sizes in pixels, 0 if unknown."""

    url: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Related:
    """Another publisher's version of the same story."""

    title: str
    url: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One news card.

    `slug` is the file's path below its folder of cards, without the suffix. `title` and `excerpt` are repaired for
    display, their raw forms are kept beside them. `published_at` is aware UTC. `related` holds each other story once,
    best first. `aliases` are the normalised addresses under which the same article is known.
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
    state: State = State.HELD
    held_reason: HeldReason | None = None
    provider: Provider | None = None
    topics: tuple[str, ...] = ()
    image: Image | None = None
    related: tuple[Related, ...] = ()
    aliases: tuple[str, ...] = ()


SCHEDULED_AFTER = timedelta(hours=14)
"""A time further ahead than this lies in the future everywhere on Earth: its zones go up to UTC+14."""


def is_scheduled(published_at: datetime, now: datetime) -> bool:
    """Whether a card's time is still to come, so that it is in no list until then. Both are aware."""
    return published_at - now > SCHEDULED_AFTER


def effective_publication(published_at: datetime, now: datetime) -> datetime:
    """When the card counts as published, read at `now`: its own time, or `now` where that is up to 14 hours ahead.

    Later than `now` exactly when the card is scheduled.
    """
    return published_at if is_scheduled(published_at, now) else min(published_at, now)


class FileStat(NamedTuple):
    """A file as the folder lists it; one that differs in anything may hold something else. A load makes and compares
    one for every file. `path` is below the root, with `/`.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    inode: int = 0


class Severity(enum.StrEnum):
    """How bad a problem is: an error costs the card its place, a note costs nothing."""

    ERROR = "error"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, for the person who wrote it. `line` counts from 1."""

    file: str
    line: int
    field: str
    problem: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file gave: a card or none, and the problems found. A file that is no news card gives one note.

    `is_empty`: the file holds nothing, as it does for a moment while something writes it. That is an error as well.
    `is_other`: the file says itself that it is of another category.
    `digest` names the bytes that were read, None where they were not.
    `appears_at` is when the card counts as published, where its file's time had not come when it was read.
    """

    card: Card | None
    problems: tuple[Problem, ...] = ()
    is_empty: bool = False
    is_other: bool = False
    digest: str | None = None
    appears_at: datetime | None = None
