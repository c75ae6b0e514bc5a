"""Digests: find those that are due, choose their cards, split them into messages; preview and simulate them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.cards.model import Card
from bot.desk.digest import Candidate, Choice, Chosen, Fate, Had, choose, half_life, ranked
from bot.desk.matching import left_out
from bot.desk.past import played_again
from bot.desk.subscription import Layout, Subscription, Wish, is_new
from bot.desk.timetable import Slot, timetable
from bot.language import speaking
from bot.metrics import Metrics
from bot.render.digest import catch_up_heading, continued, entry_size, heading, parts, quiet_heading
from bot.render.subscriptions import Past
from bot.store import Store
from bot.store.digests import Edition, NewMessage, Overdue, Waiting
from bot.store.pools import Pool
from bot.store.records import FiledCard

_log = logging.getLogger(__name__)

WHATIF_DAYS = 30
WHATIF_CARDS = 25
LOOK_BACK = timedelta(weeks=1)
"""How far back a preview of an instant subscription looks."""
_NOWHERE = 0
"""A channel id that matches no channel, so that no card counts as posted there."""
_SIZES_KEPT = 5000
_TEXTS_KEPT = 2000
_TROUBLE = 200
"""Maximum length of a stored error, in characters."""
_REST = timedelta(minutes=15)
"""Retry delay for a subscription that could not be planned."""
_STEP = timedelta(minutes=1)
"""Tolerance for a clock that jumps back: below this, a slot is merely made slightly early."""
_MOST_KEPT = 100
"""Maximum number of headlines from missed slots merged into the next one when a channel reopens."""
_AT_ONCE = 500
"""Digests per transaction; bounds how long other readers and writers wait."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A subscription's next digest as if it were due now; for an instant subscription, the last week's cards."""

    choice: Choice
    cards: tuple[FiledCard, ...]
    heading: str


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of sending a digest on request: the number of cards, and when quiet hours end if they delay it."""

    cards: int
    quiet_until: datetime | None = None


class Editions:
    """Make digests: choose cards with `bot.desk.digest` and write messages for the courier to deliver."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        max_age: timedelta,
        metrics: Metrics | None = None,
        tell: Callable[[Subscription], None] | None = None,
    ) -> None:
        """`tell` is called with a subscription when it is first suspended."""
        self._store = store
        self._clock = clock
        self._max_age = max_age
        self._metrics = metrics or Metrics()
        self._tell = tell
        self._looked_at: datetime | None = None
        self._sizes: dict[tuple[int, str], int] = {}
        self._texts: dict[tuple[int, str], Card] = {}

    async def make(self) -> int:
        """Make the digests that are due, each for its latest slot; missed slots are merged into it.

        If one subscription fails, it is suspended for a while; the others are not affected. Returns the number of new
        messages.
        """
        now, made = self._clock(), 0
        due = await self._store.subscriptions.due(now)
        for each in due:
            if each.unusable:
                await self._rest(each, f"unusable: {', '.join(each.unusable)}", now)
        well = [each for each in due if not each.unusable]
        for start in range(0, len(well), _AT_ONCE):
            made += await self._make_each(well[start : start + _AT_ONCE], now)
        return made

    async def _make_each(self, due: Sequence[Subscription], now: datetime) -> int:
        """Make a batch of digests. On failure, bisect the batch to isolate the one at fault."""
        try:
            return await self._make(due, now)
        except Exception as error:  # noqa: BLE001 - one failing digest must not affect the others
            if len(due) == 1:
                _log.exception("Could not make the digest of subscription %s", due[0].id)
                await self._rest(due[0], f"{type(error).__name__}: {error}"[:_TROUBLE], now)
                return 0
        middle = len(due) // 2
        return await self._make_each(due[:middle], now) + await self._make_each(due[middle:], now)

    async def _rest(self, subscription: Subscription, trouble: str, now: datetime) -> None:
        """Suspend a subscription that cannot be planned and retry later; notify its people the first time."""
        await self._store.subscriptions.rest(subscription, trouble, now + _REST)
        self._metrics.digest_failed()
        if subscription.trouble is None:
            _log.error("Suspended subscription %s of server %s: %s", subscription.id, subscription.guild_id, trouble)
            if self._tell:
                self._tell(replace(subscription, trouble=trouble))

    async def set_right(self, now: datetime) -> None:
        """Reschedule digests that a wrong clock put too far into the future; check all if the clock was set back."""
        since, self._looked_at = self._looked_at, now
        everything = since is None or now < since - _STEP
        find = self._store.subscriptions.in_doubt if everything else self._store.subscriptions.astray
        if moved := await self._store.subscriptions.set_right(await find(now), now):
            _log.warning("Rescheduled %s digests that were later than their timetables allow", moved)
        if everything:
            await self._store.quiet.turned(await self._store.quiet.all(), now)

    def is_set_back(self, now: datetime) -> bool:
        """Whether the clock was set back since the last call. True on the first call."""
        if self._looked_at is None or now < self._looked_at - _STEP:
            return True
        self._looked_at = max(now, self._looked_at)
        return False

    async def _make(self, due: Sequence[Subscription], now: datetime) -> int:
        edition = Edition()
        desk = await self._desk(due, now)
        overdue = await self._store.digests.overdue({each.channel_id for each in due}, now)
        for subscription in due:
            table = timetable(subscription.wish)
            slot = table.latest(now) if table else None
            following = table.following(now) if table else None
            is_new = slot is not None and slot.at > subscription.since
            since = slot.at if slot and is_new else subscription.since
            edition.turned.append((subscription, since, following.at if following else None))
            if table and slot and is_new:
                chosen = desk.choice(subscription, table.period, slot.at).chosen
                desk.note(subscription.channel_id, chosen)
                late = overdue.get(subscription.id, [])
                edition.merged |= {subscription.id: [each.delivery_id for each in late]} if late else {}
                edition.messages += await self._slot(subscription, slot, chosen, late)
        return len((await self._store.digests.file(edition, now)).messages)

    async def _slot(
        self, subscription: Subscription, slot: Slot, chosen: Sequence[Chosen], late: Sequence[Overdue]
    ) -> list[NewMessage]:
        """A slot's messages. Cards of earlier slots that could not be sent are merged in, as a list of headlines."""
        kept = [Chosen(card.card_id, card.revision) for each in late for card in each.cards][-_MOST_KEPT:]
        if not kept:
            return await self._messages(subscription, slot.name, slot.at, chosen)
        with speaking(subscription.language):
            head = catch_up_heading(min(each.planned_at for each in late))
            return [
                NewMessage(subscription, slot.name, part, slot.at, continued() if part else head, Layout.LIST, cards)
                for part, cards in enumerate(await self._parts([*kept, *chosen], Layout.LIST))
            ]

    async def _messages(
        self, subscription: Subscription, slot: str, at: datetime, chosen: Sequence[Chosen]
    ) -> list[NewMessage]:
        wish = subscription.wish
        if not chosen and wish.skip_empty:
            return []
        messages = await self._parts(chosen, wish.layout) or [()]
        with speaking(subscription.language):
            head = heading(wish.when, at, wish.topics, empty=not chosen, parts=len(messages))
            return [
                NewMessage(subscription, slot, part, at, continued() if part else head, wish.layout, cards)
                for part, cards in enumerate(messages)
            ]

    async def _parts(self, chosen: Sequence[Chosen], layout: Layout) -> list[Sequence[Chosen]]:
        """Split the cards into messages. Only the list layout depends on their sizes."""
        sizes = [0] * len(chosen)
        if layout is Layout.LIST:
            if len(self._sizes) > _SIZES_KEPT:
                self._sizes.clear()
            await self._measure([card for card in chosen if (card.card_id, card.revision) not in self._sizes])
            sizes = [self._sizes[card.card_id, card.revision] for card in chosen]
        counts = parts(sizes, layout)
        places = [sum(counts[:part]) for part in range(len(counts))]
        return [chosen[place : place + count] for place, count in zip(places, counts, strict=True)]

    async def _measure(self, unknown: Sequence[Chosen]) -> None:
        if not unknown:
            return
        found = await self._store.archive.by_ids([card.card_id for card in unknown])
        self._sizes |= {(card.card_id, card.revision): entry_size(found[card.card_id]) for card in unknown}

    async def turn_quiet(self) -> int:
        """Start and end quiet hours; release deferred stories as one digest. Returns the number of new messages."""
        now = self._clock()
        if turning := await self._store.quiet.turning(now):
            await self._store.quiet.turned(turning, now)
        found = await self._store.digests.deferred(now)
        if not found.released:
            return 0
        edition = Edition(released=found.released)
        for waiting in found.waiting.values():
            slot = f"quiet {now:%Y-%m-%d %H:%M:%S.%f}"
            edition.messages += await self._gathered(waiting, slot, quiet_heading, now)
        return len((await self._store.digests.file(edition, now)).messages)

    async def catch_up(self, channel_id: int) -> None:
        """Replace the stories queued for a channel during an outage with one digest."""
        now = self._clock()
        waiting = await self._store.digests.never_sent(channel_id)
        if waiting:
            head = partial(catch_up_heading, min(each.since for each in waiting))
            if messages := await self._gathered(waiting, f"catch-up {now:%Y-%m-%d %H:%M:%S}", head, now):
                await self._store.digests.gather(waiting, messages, now)

    async def _gathered(
        self, waiting: Sequence[Waiting], slot: str, head: Callable[[], str], now: datetime
    ) -> list[NewMessage]:
        """Collect waiting stories into a list of headlines, in order, with the first card of each story."""
        found = await self._store.subscriptions.named([waiting[0].subscription_id])
        first = {each.story_id: each.card for each in reversed(waiting)}
        cards = [Chosen(each.card.id, each.card.revision) for each in waiting if first[each.story_id] is each.card]
        messages = []
        for subscription in found:
            with speaking(subscription.language):
                messages += [
                    NewMessage(subscription, slot, part, now, continued() if part else head(), Layout.LIST, chosen)
                    for part, chosen in enumerate(await self._parts(cards, Layout.LIST))
                ]
        return messages

    async def preview(self, subscription: Subscription) -> Preview:
        """Preview the next digest, with the outcome for every card considered.

        An instant subscription has already posted everything new, so preview it as if it had posted nothing for a week.
        """
        if timetable(subscription.wish) is None:
            subscription = replace(subscription, channel_id=_NOWHERE, since=self._clock() - LOOK_BACK)
        return await self._preview(subscription)

    async def _preview(self, subscription: Subscription) -> Preview:
        now, table = self._clock(), timetable(subscription.wish)
        desk = await self._desk([subscription], now)
        choice = desk.choice(subscription, table.period if table else LOOK_BACK, now, explain=True)
        found = await self._store.archive.by_ids([card.card_id for card in choice.chosen], subscription.guild_id)
        cards = tuple(found[card.card_id] for card in choice.chosen)
        wish = subscription.wish
        with speaking(subscription.language):
            return Preview(choice, cards, heading(wish.when, now, wish.topics))

    async def now(self, subscription: Subscription) -> Sent:
        """Send an extra digest immediately, or at the end of quiet hours. The timetable does not change."""
        now = self._clock()
        preview = await self.preview(subscription)
        if not (chosen := preview.choice.chosen):
            return Sent(0)
        messages = await self._messages(subscription, f"now {now:%Y-%m-%d %H:%M:%S.%f}", now, chosen)
        edition = Edition(messages, [(subscription, now, subscription.next_at)])
        filed = await self._store.digests.file(edition, now)
        cards = sum(len(message.cards) for message in filed.messages)
        return Sent(cards, filed.quiet_until.get(subscription.channel_id))

    async def fate(self, subscription: Subscription, card: FiledCard) -> Fate:
        """The outcome for one card if the next digest were due now."""
        preview = await self._preview(subscription)
        return preview.choice.fates.get(card.id, Fate.OLD)

    async def whatif(self, guild_id: int, wish: Wish) -> Past:
        """Simulate a subscription with these options over the last 30 days."""
        now = self._clock()
        start = now - timedelta(days=WHATIF_DAYS + 8)
        pool = (await self._store.pools.pool([guild_id], start, start)).of(guild_id)
        texts = await self._read(pool) if wish.without else {}
        brought = await asyncio.to_thread(played_again, pool, wish, now, WHATIF_DAYS, _unwanted(texts, wish))
        newest = brought.card_ids[:WHATIF_CARDS]
        found = await self._store.archive.by_ids(newest, guild_id)
        cards = [found[card_id] for card_id in newest]
        return Past(brought.days, brought.digests, cards)

    async def _desk(self, subscriptions: Sequence[Subscription], now: datetime) -> _Desk:
        """Fetch everything needed to choose cards for these subscriptions, in a few queries."""
        since = min((each.since for each in subscriptions), default=now)
        guilds = {each.guild_id for each in subscriptions}
        pool = await self._store.pools.pool(guilds, since, now - self._max_age)
        everything = [*pool.everyone, *(card for own in pool.own.values() for card in own)]
        had = await self._store.pools.had({each.channel_id for each in subscriptions}, pool)
        spared = any(each.wish.without for each in subscriptions)
        return _Desk(pool, had, await self._read(everything) if spared else {})

    async def _read(self, pool: Sequence[Candidate]) -> Mapping[int, Card]:
        """Texts of the candidates by card id, cached because consecutive ticks need the same ones."""
        wanted = {(card.card_id, card.revision) for card in pool}
        if len(self._texts) > _TEXTS_KEPT:
            self._texts = {name: card for name, card in self._texts.items() if name in wanted}
        if missing := wanted - self._texts.keys():
            found = await self._store.archive.by_ids({card_id for card_id, _ in missing})
            self._texts |= {(card_id, revision): found[card_id].card for card_id, revision in missing}
        return {card_id: self._texts[card_id, revision] for card_id, revision in wanted}


def _unwanted(texts: Mapping[int, Card], wish: Wish) -> Callable[[int], bool] | None:
    """Predicate for cards excluded by topic or word; None if the subscription excludes nothing."""
    return (lambda card_id: left_out(texts[card_id], wish.without) is not None) if wish.without else None


class _Desk:
    """The candidates for all digests of one planning run; rankings are cached."""

    def __init__(self, pool: Pool, had: Mapping[int, Had], texts: Mapping[int, Card]) -> None:
        self._pool = pool
        self._had = {channel: (set(had.cards), set(had.stories)) for channel, had in had.items()}
        self._texts = texts
        self._rankings: dict[tuple[Any, ...], list[Candidate]] = {}
        self._stories = {card.card_id: card.story_id for card in self._all()}

    def _all(self) -> Iterable[Candidate]:
        yield from self._pool.everyone
        for own in self._pool.own.values():
            yield from own

    def choice(self, subscription: Subscription, period: timedelta, at: datetime, *, explain: bool = False) -> Choice:
        cards, wish = self._pool.of(subscription.guild_id), subscription.wish
        had = self._had.get(subscription.channel_id)
        return choose(
            ranked(cards, at, period) if explain else self._ranking(cards, subscription, period, at),
            wish,
            at,
            subscription.since,
            Had(*had) if had else Had(),
            _unwanted(self._texts, wish),
            subscription_id=subscription.id,
            pauses=subscription.pauses,
            explain=explain,
        )

    def _ranking(
        self, cards: Sequence[Candidate], subscription: Subscription, period: timedelta, at: datetime
    ) -> list[Candidate]:
        """Candidates that are new to the subscription, best first."""
        shared = 0 if cards is self._pool.everyone else subscription.guild_id
        key = (shared, half_life(period), at, subscription.since, subscription.pauses)
        if key not in self._rankings:
            since, pauses = subscription.since, subscription.pauses
            new = [card for card in cards if card.arrived_at > since]
            new = [card for card in new if is_new(card.arrived_at, since, pauses)] if pauses else new
            self._rankings[key] = ranked(new, at, period)
        return self._rankings[key]

    def note(self, channel_id: int, chosen: Collection[Chosen]) -> None:
        """Record cards about to be posted, so that other subscriptions of the channel do not repeat them."""
        had = self._had.setdefault(channel_id, (set(), set()))
        had[0].update(card.card_id for card in chosen)
        had[1].update(self._stories[card.card_id] for card in chosen)
