"""What a run is made of: its size, its cards and what becomes of each, and which channel wants which topic."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

_CARD = """---
category: news
title: "{title}"
excerpt: "One of many cards of a long and busy day, with words such as {word} to be found by."
publishedDateTime: {moment:%Y-%m-%dT%H:%M:%SZ}
webUrl: "https://example.org/soak/{name}"
quality: 80
heat: {heat}
published: {published}
topics: [{topic}]
provider: {{name: "Example {provider}"}}
---
"""
WORDS = ("harbour", "lantern", "meadow", "orbit", "quarry", "saffron", "timber", "violet")
ARCHIVE_TOPIC = "Archive"


@dataclass(frozen=True, slots=True)
class Size:
    """How much a run has of everything. The rates are by the second."""

    seconds: float
    servers: int = 500
    subscriptions: int = 2000
    topics: int = 30
    archive: int = 2000
    """Cards that were there before, too old to be delivered."""
    card_every: float = 2.0
    commands: float = 20.0
    faults: float = 0.01
    """The share of all requests that is spoiled."""
    tick: float = 15.0
    seed: int = 0

    @property
    def channels_a_server(self) -> int:
        return self.subscriptions // self.servers


class CardOutcome(enum.Enum):
    """What becomes of a card after it was filed."""

    STAYS = "stays"
    EDITED = "edited"
    DELETED = "deleted"
    """Its file goes away, and its posts with it."""
    UNPUBLISHED = "unpublished"
    """Its file takes the publication back; a note takes its place in its posts."""


EDITED_AFTER, TAKEN_AFTER = 10.0, 20.0
"""Seconds after a card was filed, in a run that is long enough."""


def outcome_of(number: int) -> CardOutcome:
    """Each fifth card is edited, each tenth deleted, each tenth unpublished."""
    by_rest = {3: CardOutcome.DELETED, 7: CardOutcome.UNPUBLISHED, 1: CardOutcome.EDITED, 6: CardOutcome.EDITED}
    return by_rest.get(number % 10, CardOutcome.STAYS)


def topic_name(number: int, topics: int) -> str:
    # A number alone would be a year to some readers of YAML. The factor keeps fates and topics apart.
    return f"Topic {(number * 7 + number // topics) % topics:02}"


def card_title(number: int, version: int = 1) -> str:
    return f"Card {number} of the soak" + (f", version {version}" if version > 1 else "")


def card_text(number: int, moment: datetime, topic: str, *, version: int = 1, published: bool = True) -> str:
    return _CARD.format(
        title=card_title(number, version),
        word=WORDS[number % len(WORDS)],
        moment=moment,
        name=number,
        heat=40 + number % 50,
        published=str(published).lower(),
        topic=topic,
        provider=number % 5,
    )


def make_archive(size: Size, now: datetime) -> Iterator[tuple[str, str]]:
    """Names and texts of the old cards; each tenth waits for a decision."""
    for number in range(size.archive):
        moment = now - timedelta(days=30 + number % 300, seconds=number)
        text = card_text(number, moment, ARCHIVE_TOPIC, published=number % 10 != 0)
        yield f"old-{number}.md", text.replace("/soak/", "/old/").replace("of the soak", "of the archive")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel with its one subscription. Without `times` each card comes by itself, else as digests."""

    id: int
    guild_id: int
    topic: str
    times: tuple[time, ...] = ()
    listed: bool = False
    """Its digests are headlines, not embeds."""


def plan_channels(size: Size, guilds: dict[int, list[int]], start: datetime) -> list[Channel]:
    """One subscription a channel; the last channel of each server gets digests."""
    found: list[Channel] = []
    for place, (guild_id, ids) in enumerate(guilds.items()):
        for index, channel_id in enumerate(ids):
            topic = topic_name(len(found), size.topics)
            digests = index == len(ids) - 1 > 0
            times = _digest_times(size, start, place) if digests else ()
            found.append(Channel(channel_id, guild_id, topic, times, listed=place % 2 == 1))
    return found


def _digest_times(size: Size, start: datetime, place: int) -> tuple[time, ...]:
    """Full minutes of the run, three minutes apart; servers differ. In a run without any, the next one."""
    minutes = max(int(size.seconds // 60), 1)
    first = 1 + place % min(3, minutes)
    moments = [start + timedelta(minutes=each) for each in range(first, minutes + 1, 3)]
    return tuple(sorted({time(each.hour, each.minute) for each in moments}))


def digest_slots(channel: Channel, start: datetime) -> list[datetime]:
    """When its digests are due from `start` on, for a day."""
    days = (start.date(), start.date() + timedelta(days=1))
    moments = [datetime.combine(day, clock, UTC) for day in days for clock in channel.times]
    return sorted(each for each in moments if start < each < start + timedelta(days=1))
