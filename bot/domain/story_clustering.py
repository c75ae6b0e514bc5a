"""Group cards into stories, one card at a time. A wrong merge hides news, a missed one repeats it.

A card joins the story of a card that is, or lists, the same article; else that of the most similar card. It is
compared with any card of a story, since a story drifts from what it began with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.story_matching import SAME_STORY, Report, StoryCard, have_one_publisher, is_later_version

SPAN = timedelta(days=7)
"""Maximum duration of a story: later cards start a new one even if they link back."""
LARGEST = 30
"""Maximum number of cards of a story that are told by their text: stories beyond it are chains of unlike ones."""


@dataclass(frozen=True, slots=True)
class AddressMatch:
    """A card with a story that is the same article as a new card (`is_same`), or that lists it or is listed by it."""

    card_id: int
    story_id: int
    published_at: datetime
    is_same: bool


@dataclass(slots=True)
class Story:
    """What is known of a story. `reports` are those of its cards, or of the latest of an endless one."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    reports: list[Report] = field(default_factory=list)

    def add_time(self, published_at: datetime, count: int = 1) -> None:
        """Count a card, or several whose times include this one."""
        self.count += count
        self.first = min(self.first or published_at, published_at)
        # What was published beyond the span belongs by its own address, and must not keep others out.
        if published_at - self.first <= SPAN:
            self.last = max(self.last or published_at, published_at)

    def spans(self, published_at: datetime) -> bool:
        """Whether a card of this time may join."""
        if self.first is None or self.last is None:
            return True
        return max(self.last, published_at) - min(self.first, published_at) <= SPAN


class StoryBook:
    """The stories that new cards may join. What a new card changes is in `merged`, story ids by those that end."""

    def __init__(self) -> None:
        self.stories: defaultdict[int, Story] = defaultdict(Story)
        self.merged: dict[int, int] = {}

    def current_id(self, story_id: int) -> int:
        """Return the id of a story, which may have become part of another."""
        while story_id in self.merged:
            story_id = self.merged[story_id]
        return story_id

    def add_card(
        self,
        card: StoryCard,
        matches: Sequence[AddressMatch],
        similar: Iterable[tuple[int, int]],
        story_id: int | None = None,
    ) -> int:
        """Give a card its story, and return the id of that: `story_id` if it has one already.

        `similar` are pairs of similarity and story id, of cards that it is like.
        """
        found = story_id or self._join_article(card, matches) or self._join_similar(card, similar) or card.card_id
        found = self.current_id(found)
        story = self.stories[found]
        if story_id is None:
            story.add_time(card.published_at)
        story.reports.append(card.report)
        return found

    def _join_article(self, card: StoryCard, matches: Sequence[AddressMatch]) -> int | None:
        """Join the stories of the card's article and those around it, and merge them unless that takes too long."""
        joined: int | None = None
        for match in sorted(matches, key=lambda each: (not each.is_same, each.card_id)):
            other = self.current_id(match.story_id)
            apart = abs(card.published_at - match.published_at)
            if not match.is_same and (apart > SPAN or not self.stories[other].spans(card.published_at)):
                continue
            joined = other if joined is None else self._merge_stories(joined, other)
        return joined

    def _merge_stories(self, one: int, other: int) -> int:
        """Merge two stories into the one with the smaller id, if the result does not span too much."""
        into, ending = sorted((one, other))
        kept, gone = self.stories[into], self.stories[ending]
        if into == ending or not all(kept.spans(at) for at in (gone.first, gone.last) if at):
            return one
        self.merged[ending] = into
        del self.stories[ending]
        for at in filter(None, (gone.first, gone.last)):
            kept.add_time(at, 0)
        kept.count += gone.count
        kept.reports += gone.reports
        return into

    def _join_similar(self, card: StoryCard, similar: Iterable[tuple[int, int]]) -> int | None:
        # Of equally similar cards the one of the newest story.
        for similarity, story_id in sorted(similar, reverse=True):
            if similarity < SAME_STORY:
                break
            if has_room(self.stories[self.current_id(story_id)], card):
                return story_id
        return None


def has_room(story: Story, card: StoryCard) -> bool:
    """Whether a card may join a story by its text."""
    return (
        story.count < LARGEST
        and story.spans(card.published_at)
        # Also of the cards that it is not like: a chain through another publisher would join a daily series.
        and not any(_is_another_report(card.report, each) for each in story.reports)
    )


def _is_another_report(one: Report, other: Report) -> bool:
    return have_one_publisher(one, other) and not is_later_version(one, other)
