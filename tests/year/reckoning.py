"""What is wrong with a year: every promise of delivery and of digests, checked against the calendar and the news."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from bot.cards.model import Card, CardState
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from tests.year.calendar import calendar_slots, digest_moments
from tests.year.story import PlannedCard, Post, YearRecord, is_single

_MAX_AGE = timedelta(days=14)
_LONGEST_QUIET = timedelta(hours=14)


class YearCheck:
    """A year's news as they could be seen, and what came of them. Every check yields complaints in words."""

    def __init__(self, year: YearRecord) -> None:
        self.year = year
        self.seen: dict[str, tuple[datetime, Card]] = {}
        self.gone: dict[str, datetime] = {}
        self.first: dict[str, str] = {}
        """By card: the first one of its story."""
        self._collect_seen()
        self.held: dict[int, list[PlannedCard]] = defaultdict(list)
        self.by_channel: dict[int, list[PlannedCard]] = defaultdict(list)
        self.subscriptions: dict[int, list[Subscription]] = defaultdict(list)
        for each in year.held:
            self.held[each.subscription_id].append(each)
            self.by_channel[each.channel_id].append(each)
        for subscription in year.subscriptions:
            self.subscriptions[subscription.channel_id].append(subscription)
        self.posted_stories = {channel: self._first_posted(held) for channel, held in self.by_channel.items()}

    def _collect_seen(self) -> None:
        """A form that was replaced while the bot was away is never seen."""
        by_url = {each.card.url: each.card.slug for each in self.year.arrivals}
        last: dict[tuple[datetime, str], Card] = {}
        for each in self.year.arrivals:
            at = next((end for start, end in self.year.away if start <= each.at < end), each.at)
            last[at, each.card.slug] = each.card
            self.first[each.card.slug] = next((by_url[story.url] for story in each.card.related), each.card.slug)
        for (at, slug), card in last.items():
            if at <= self.year.end and card.state is CardState.PUBLISHED:
                self.seen.setdefault(slug, (at, card))
            elif at <= self.year.end:
                self.gone.setdefault(slug, at)

    def _first_posted(self, held: Iterable[PlannedCard]) -> dict[str, datetime]:
        """The stories that a channel received, and when that was planned first."""
        posted: dict[str, datetime] = {}
        for each in held:
            if each.slug:
                story = self.first[each.slug]
                posted[story] = min(posted.get(story, each.planned_at), each.planned_at)
        return posted

    def list_complaints(self) -> dict[str, list[str]]:
        """By check, only those that found something."""
        checks = (
            self.find_repeated,
            self.find_unfit,
            self.find_out_of_order,
            self.find_wrong_slots,
            self.find_excess,
            self.find_missed,
            self.find_merged,
        )
        found = {check.__name__: list(check()) for check in checks}
        found["unfinished"] = [f"{self.year.open} messages are not as they should be"] if self.year.open else []
        return {name: complaints for name, complaints in found.items() if complaints}

    def find_repeated(self) -> Iterator[str]:
        """A card or a message twice, or a story again."""
        cards = Counter((post.delivery.channel_id, card.card.slug) for post in self.year.posts for card in post.cards)
        messages = Counter(post.delivery.id for post in self.year.posts)
        yield from (f"{slug} came {times} times to {channel}" for (channel, slug), times in cards.items() if times > 1)
        yield from (f"message {number} was posted {times} times" for number, times in messages.items() if times > 1)
        yield from (f"the story of {story} was posted again in {channel}" for channel, story in self._find_retold())

    def _find_retold(self) -> Iterator[tuple[int, str]]:
        """Where a story was posted while an earlier post of it stood; one whose cards were withdrawn has gone."""
        posted: dict[tuple[int, str], set[str]] = defaultdict(set)
        for post in self.year.posts:
            stories = {self.first[card.card.slug] for card in post.cards}
            for story in stories & self.seen.keys():
                before = posted[post.delivery.channel_id, story]
                if any(self.gone.get(slug, self.year.end) > post.at for slug in before):
                    yield post.delivery.channel_id, story
            for card in post.cards:
                posted[post.delivery.channel_id, self.first[card.card.slug]].add(card.card.slug)

    def find_unfit(self) -> Iterator[str]:
        for each in self.year.held:
            own_options = self.subscriptions[each.channel_id]
            if each.slug and not any(_matches(self.seen[each.slug][1], own.options) for own in own_options):
                yield f"{each.slug} is nothing for channel {each.channel_id}"

    def find_out_of_order(self) -> Iterator[str]:
        by_channel: dict[int, list[Post]] = defaultdict(list)
        for post in self.year.posts:
            if is_single(post.delivery):
                by_channel[post.delivery.channel_id].append(post)
        for channel, posts in by_channel.items():
            for one, other in pairwise(posts):
                if one.at == other.at and _story_age(one) > _story_age(other):
                    yield f"channel {channel} got the younger card first at {one.at}"

    def find_wrong_slots(self) -> Iterator[str]:
        for own in self._digest_subscriptions():
            due = self._digest_moments(own)
            got = {each.slot: each.planned_at for each in self.held[own.id] if each.slot}
            names = set(due.values())
            yield from (f"{own.id} ({own.options.timezone}): {name} is no slot" for name in got.keys() - names)
            before = self.year.start
            for at, name in due.items():
                if name in got and got[name] != at:
                    yield f"{own.id}: {name} was made at {got[name]}, not at {at}"
                if name not in got and (not own.options.skip_empty or any(self._find_owed(own, before, at))):
                    yield f"{own.id} ({own.options.timezone}): {name} is missing"
                before = at

    def _digest_subscriptions(self) -> Iterator[Subscription]:
        return (each for each in self.year.subscriptions if each.options.frequency is not Frequency.INSTANT)

    def _digest_moments(self, own: Subscription) -> dict[datetime, str]:
        named = calendar_slots(own.options, self.year.start, self.year.end)
        return {at: name for at, name in digest_moments(named, self.year.away).items() if at <= self.year.end}

    def _find_owed(self, own: Subscription, before: datetime, at: datetime) -> Iterator[str]:
        """Cards that a digest should have brought: new, fitting, still there, and of a story new to the channel."""
        posted = self.posted_stories.get(own.channel_id, {})
        shared = len(self.subscriptions[own.channel_id]) > 1
        for slug, (seen_at, card) in self.seen.items():
            if before < seen_at <= at and _matches(card, own.options) and card.published_at >= at - _MAX_AGE:
                last = at + _LONGEST_QUIET if shared else at
                if self.gone.get(slug, self.year.end) > last and posted.get(self.first[slug], self.year.end) > last:
                    yield slug

    def find_excess(self) -> Iterator[str]:
        """More than a digest may bring: in all, of a publisher, of a story."""
        by_id = {each.delivery_id: each for each in self.year.held}
        own_options = {each.id: each.options for each in self.year.subscriptions}
        brought: dict[tuple[int, str], list[Card]] = defaultdict(list)
        for post in self.year.posts:
            message = by_id[post.delivery.id]
            if message.slot and message.slot[0].isdigit():
                brought[message.subscription_id, message.slot] += [each.card for each in post.cards]
        for (number, slot), cards in brought.items():
            publishers = Counter(card.provider.name for card in cards if card.provider)
            stories = Counter(self.first[card.slug] for card in cards if self.first[card.slug] in self.seen)
            if len(cards) > own_options[number].max_cards:
                yield f"{number}: {slot} brought {len(cards)} cards"
            # At most: publishers of whom the digest brought nothing would lower it.
            share = max(2, ceil(own_options[number].max_cards / max(len(publishers), 1)))
            if any(count > share for count in publishers.values()):
                yield f"{number}: {slot} brought too many cards of one publisher"
            if any(count > 1 for count in stories.values()):
                yield f"{number}: {slot} brought a story twice"

    def find_missed(self) -> Iterator[str]:
        """Cards that an instant subscription never got, though they fit and stayed."""
        for own in self.year.subscriptions:
            if own.options.frequency is not Frequency.INSTANT:
                continue
            posted = self.posted_stories.get(own.channel_id, {})
            wait = _LONGEST_QUIET if own.channel_id in self.year.quiet else timedelta(0)
            for slug, (seen_at, card) in self.seen.items():
                stayed = min(self.gone.get(slug, self.year.end), self.year.end) > seen_at + wait
                if _matches(card, own.options) and stayed and self.first[slug] not in posted:
                    yield f"{slug} never came to {own.channel_id}"

    def find_merged(self) -> Iterator[str]:
        """Cards that tell different stories, taken for one."""
        stories: dict[int, set[str]] = defaultdict(set)
        for each in self.year.held:
            if each.slug and each.story:
                stories[each.story].add(self.first[each.slug])
        yield from (f"{sorted(firsts)} were taken for one story" for firsts in stories.values() if len(firsts) > 1)


def _matches(card: Card, options: SubscriptionOptions) -> bool:
    on_topic = not options.topics or bool({*options.topics} & {*card.topics})
    return on_topic and (card.quality or 0) >= options.min_quality


def _story_age(post: Post) -> datetime:
    return post.cards[0].card.published_at
