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
from bot.domain.digest_schedule import Slot, schedule_for
from bot.domain.digest_selection import (
    AlreadyDelivered,
    Candidate,
    SelectedCard,
    Selection,
    SelectionOutcome,
    rank_candidates,
    score_half_life,
    select_cards,
)
from bot.domain.filters import excluding_term
from bot.domain.subscription import Layout, Subscription, SubscriptionOptions, is_new
from bot.domain.what_if import simulate_options
from bot.i18n import override_language
from bot.metrics import Metrics
from bot.render.digest import catch_up_heading, continued_heading, format_heading, quiet_heading
from bot.render.layouts import LAYOUTS
from bot.render.subscriptions import WhatIfResult
from bot.store import Store
from bot.store.cards.rows import StoredCard
from bot.store.outbox.digest_candidates import CandidatePool
from bot.store.outbox.digests import CardTakenError, DeferredStory, DigestBatch, OverdueMessage, PlannedMessage

_log = logging.getLogger(__name__)

WHATIF_DAYS = 30
WHATIF_CARDS = 25
LOOK_BACK = timedelta(weeks=1)
"""How far back a preview of an instant subscription looks."""
_NO_CHANNEL = 0
"""A channel id that matches no channel, so that no card counts as posted there."""
_SIZE_CACHE = 5000
_TEXT_CACHE = 2000
_TROUBLE = 200
"""Maximum length of a stored error, in characters."""
_REST = timedelta(minutes=15)
"""Retry delay for a subscription that could not be planned."""
_STEP = timedelta(minutes=1)
"""Tolerance for a clock that jumps back: below this, a slot is merely made slightly early."""
_MOST_KEPT = 100
"""Maximum number of headlines from missed slots merged into the next one when a channel reopens."""
_BATCH_SIZE = 500
"""Digests per transaction; bounds how long other readers and writers wait."""


@dataclass(frozen=True, slots=True)
class DigestPreview:
    """A subscription's next digest as if it were due now; for an instant subscription, the last week's cards."""

    selection: Selection
    cards: tuple[StoredCard, ...]
    heading: str


@dataclass(frozen=True, slots=True)
class DigestReceipt:
    """Result of sending a digest on request: the number of cards, and when quiet hours end if they delay it."""

    card_count: int
    quiet_until: datetime | None = None


class DigestPlanner:
    """Make digests: choose cards with `bot.domain.digest_selection` and write messages for the courier to deliver."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        max_age: timedelta,
        metrics: Metrics,
        tell: Callable[[Subscription], None] | None = None,
    ) -> None:
        """`tell` is called with a subscription when it is first suspended."""
        self._store = store
        self._clock = clock
        self._max_age = max_age
        self._metrics = metrics
        self._tell = tell
        self._last_look: datetime | None = None
        self._sizes: dict[tuple[Layout, int, str], int] = {}
        self._texts: dict[tuple[int, str], Card] = {}

    async def plan_due(self) -> int:
        """Make the digests that are due, each for its latest slot; missed slots are merged into it.

        If one subscription fails, it is suspended for a while; the others are not affected. Returns the number of new
        messages.
        """
        now, made = self._clock(), 0
        due = await self._store.subscriptions.fetch_due(now)
        for each in due:
            if each.unusable:
                await self._rest_subscription(each, f"unusable: {', '.join(each.unusable)}", now)
        well = [each for each in due if not each.unusable]
        for start in range(0, len(well), _BATCH_SIZE):
            made += await self._plan_each(well[start : start + _BATCH_SIZE], now)
        return made

    async def _plan_each(self, due: Sequence[Subscription], now: datetime) -> int:
        """Make a batch of digests. On failure, bisect the batch to isolate the one at fault."""
        try:
            return await self._plan_batch(due, now)
        except CardTakenError:
            if len(due) == 1:
                return 0  # a click's plan was faster: the digest is still due, and the next tick chooses again
        except Exception as error:  # noqa: BLE001 - one failing digest must not affect the others
            if len(due) == 1:
                _log.exception("Could not make the digest of subscription %s", due[0].id)
                await self._rest_subscription(due[0], f"{type(error).__name__}: {error}"[:_TROUBLE], now)
                return 0
        middle = len(due) // 2
        return await self._plan_each(due[:middle], now) + await self._plan_each(due[middle:], now)

    async def _rest_subscription(self, subscription: Subscription, trouble: str, now: datetime) -> None:
        """Suspend a subscription that cannot be planned and retry later; notify its people the first time."""
        await self._store.subscriptions.rest_subscription(subscription, trouble, now + _REST)
        self._metrics.count_digest_failure()
        if subscription.trouble is None:
            _log.error("Suspended subscription %s of server %s: %s", subscription.id, subscription.guild_id, trouble)
            if self._tell:
                self._tell(replace(subscription, trouble=trouble))

    async def repair_schedules(self, now: datetime) -> None:
        """Reschedule digests that a wrong clock put too far into the future; check all if the clock was set back."""
        since, self._last_look = self._last_look, now
        everything = since is None or now < since - _STEP
        find = self._store.subscriptions.fetch_doubtful if everything else self._store.subscriptions.fetch_astray
        if moved := await self._store.subscriptions.repair_schedules(await find(now), now):
            _log.warning("Rescheduled %s digests that were later than their timetables allow", moved)
        if everything:
            await self._store.subscriptions.quiet_hours.mark_changed(
                await self._store.subscriptions.quiet_hours.list_all(), now
            )

    def was_clock_set_back(self, now: datetime) -> bool:
        """Whether the clock was set back since the last call. True on the first call."""
        if self._last_look is None or now < self._last_look - _STEP:
            return True
        self._last_look = max(now, self._last_look)
        return False

    async def _plan_batch(self, due: Sequence[Subscription], now: datetime) -> int:
        batch = DigestBatch()
        desk = await self._load_selector(due, now)
        overdue = await self._store.outbox.digests.fetch_overdue({each.channel_id for each in due}, now)
        for subscription in due:
            table = schedule_for(subscription.options)
            slot = table.latest_slot(now) if table else None
            following = table.next_slot(now) if table else None
            is_new = slot is not None and slot.at > subscription.since
            since = slot.at if slot and is_new else subscription.since
            batch.advanced.append((subscription, since, following.at if following else None))
            if table and slot and is_new:
                selected = desk.select_for(subscription, table.period, slot.at).cards
                desk.mark_delivered(subscription.channel_id, selected)
                late = overdue.get(subscription.id, [])
                batch.merged |= {subscription.id: [each.delivery_id for each in late]} if late else {}
                batch.messages += await self._build_slot(subscription, slot, selected, late)
        return len((await self._store.outbox.digests.save_batch(batch, now)).messages)

    async def _build_slot(
        self, subscription: Subscription, slot: Slot, selected: Sequence[SelectedCard], late: Sequence[OverdueMessage]
    ) -> list[PlannedMessage]:
        """A slot's messages. Cards of earlier slots that could not be sent are merged in, as a list of headlines."""
        kept = [SelectedCard(card.card_id, card.revision) for each in late for card in each.cards][-_MOST_KEPT:]
        if not kept:
            return await self._build_messages(subscription, slot.name, slot.at, selected)
        with override_language(subscription.language):
            head = catch_up_heading(min(each.planned_at for each in late))
            return [
                PlannedMessage(
                    subscription, slot.name, part, slot.at, continued_heading() if part else head, Layout.LIST, cards
                )
                for part, cards in enumerate(await self._split_parts([*kept, *selected], Layout.LIST))
            ]

    async def _build_messages(
        self, subscription: Subscription, slot: str, at: datetime, selected: Sequence[SelectedCard]
    ) -> list[PlannedMessage]:
        options = subscription.options
        if not selected and options.skip_empty:
            return []
        messages = await self._split_parts(selected, options.layout) or [()]
        with override_language(subscription.language):
            head = format_heading(options.when, at, options.topics, empty=not selected, parts=len(messages))
            return [
                PlannedMessage(
                    subscription, slot, part, at, continued_heading() if part else head, options.layout, cards
                )
                for part, cards in enumerate(messages)
            ]

    async def _split_parts(self, selected: Sequence[SelectedCard], layout: Layout) -> list[Sequence[SelectedCard]]:
        """Split the cards into messages. Cards are fetched only for a layout that needs their sizes."""
        look = LAYOUTS[layout]
        sizes = await self._measure_cards(selected, layout) if look.needs_sizes else [0] * len(selected)
        counts = look.split_cards(sizes)
        places = [sum(counts[:part]) for part in range(len(counts))]
        return [selected[place : place + count] for place, count in zip(places, counts, strict=True)]

    async def _measure_cards(self, selected: Sequence[SelectedCard], layout: Layout) -> list[int]:
        # A popular card is in thousands of digests of one tick: measure each revision once.
        if len(self._sizes) > _SIZE_CACHE:
            self._sizes.clear()
        keys = [(layout, card.card_id, card.revision) for card in selected]
        if unknown := [key for key in keys if key not in self._sizes]:
            found = await self._store.cards.get_by_ids([card_id for _, card_id, _ in unknown])
            self._sizes |= {key: LAYOUTS[layout].measure_card(found[key[1]]) for key in unknown}
        return [self._sizes[key] for key in keys]

    async def update_quiet_hours(self) -> int:
        """Start and end quiet hours; release deferred stories as one digest. Returns the number of new messages."""
        now = self._clock()
        if turning := await self._store.subscriptions.quiet_hours.fetch_changing(now):
            await self._store.subscriptions.quiet_hours.mark_changed(turning, now)
        found = await self._store.outbox.digests.fetch_deferred(now)
        if not found.released:
            return 0
        batch = DigestBatch(released_ids=found.released)
        for waiting in found.waiting.values():
            slot = f"quiet {now:%Y-%m-%d %H:%M:%S.%f}"
            batch.messages += await self._gather_messages(waiting, slot, quiet_heading, now)
        try:
            return len((await self._store.outbox.digests.save_batch(batch, now)).messages)
        except CardTakenError:
            return 0  # as in `_plan_each`

    async def catch_up_channel(self, channel_id: int) -> None:
        """Replace the stories queued for a channel during an outage with one digest."""
        now = self._clock()
        waiting = await self._store.outbox.digests.fetch_unsent(channel_id)
        if waiting:
            head = partial(catch_up_heading, min(each.since for each in waiting))
            if messages := await self._gather_messages(waiting, f"catch-up {now:%Y-%m-%d %H:%M:%S}", head, now):
                await self._store.outbox.digests.merge_messages(waiting, messages, now)

    async def _gather_messages(
        self, waiting: Sequence[DeferredStory], slot: str, head: Callable[[], str], now: datetime
    ) -> list[PlannedMessage]:
        """Collect waiting stories into a list of headlines, in order, with the first card of each story."""
        found = await self._store.subscriptions.get_by_ids([waiting[0].subscription_id])
        first = {each.story_id: each.card for each in reversed(waiting)}
        cards = [
            SelectedCard(each.card.id, each.card.revision) for each in waiting if first[each.story_id] is each.card
        ]
        messages = []
        for subscription in found:
            with override_language(subscription.language):
                messages += [
                    PlannedMessage(
                        subscription, slot, part, now, continued_heading() if part else head(), Layout.LIST, selected
                    )
                    for part, selected in enumerate(await self._split_parts(cards, Layout.LIST))
                ]
        return messages

    async def preview_digest(self, subscription: Subscription) -> DigestPreview:
        """Preview the next digest, with the outcome for every card considered.

        An instant subscription has already posted everything new, so preview it as if it had posted nothing for a week.
        """
        if schedule_for(subscription.options) is None:
            subscription = replace(subscription, channel_id=_NO_CHANNEL, since=self._clock() - LOOK_BACK)
        return await self._build_preview(subscription)

    async def _build_preview(self, subscription: Subscription) -> DigestPreview:
        now, table = self._clock(), schedule_for(subscription.options)
        desk = await self._load_selector([subscription], now)
        choice = desk.select_for(subscription, table.period if table else LOOK_BACK, now, explain=True)
        found = await self._store.cards.get_by_ids([card.card_id for card in choice.cards], subscription.guild_id)
        cards = tuple(found[card.card_id] for card in choice.cards)
        options = subscription.options
        with override_language(subscription.language):
            return DigestPreview(choice, cards, format_heading(options.when, now, options.topics))

    async def plan_now(self, subscription: Subscription) -> DigestReceipt:
        """Send an extra digest immediately, or at the end of quiet hours. The timetable does not change."""
        try:
            return await self._plan_extra(subscription)
        except CardTakenError:
            return await self._plan_extra(subscription)  # the cards that are left

    async def _plan_extra(self, subscription: Subscription) -> DigestReceipt:
        now = self._clock()
        preview = await self.preview_digest(subscription)
        if not (selected := preview.selection.cards):
            return DigestReceipt(0)
        messages = await self._build_messages(subscription, f"now {now:%Y-%m-%d %H:%M:%S.%f}", now, selected)
        batch = DigestBatch(messages, [(subscription, now, subscription.next_at)])
        stored = await self._store.outbox.digests.save_batch(batch, now)
        cards = sum(len(message.cards) for message in stored.messages)
        return DigestReceipt(cards, stored.quiet_until.get(subscription.channel_id))

    async def predict_outcome(self, subscription: Subscription, card: StoredCard) -> SelectionOutcome:
        """The outcome for one card if the next digest were due now."""
        preview = await self._build_preview(subscription)
        return preview.selection.outcomes.get(card.id, SelectionOutcome.NOT_NEW)

    async def simulate_options(self, guild_id: int, options: SubscriptionOptions) -> WhatIfResult:
        """Simulate a subscription with these options over the last 30 days."""
        now = self._clock()
        start = now - timedelta(days=WHATIF_DAYS + 8)
        candidate_pool = (await self._store.outbox.candidates.load_pool([guild_id], start, start)).for_guild(guild_id)
        texts = await self._load_texts(candidate_pool) if options.without else {}
        result = await asyncio.to_thread(
            simulate_options, candidate_pool, options, now, WHATIF_DAYS, _exclusion_test(texts, options)
        )
        newest = result.card_ids[:WHATIF_CARDS]
        found = await self._store.cards.get_by_ids(newest, guild_id)
        cards = [found[card_id] for card_id in newest]
        return WhatIfResult(result.days, result.digests, cards)

    async def _load_selector(self, subscriptions: Sequence[Subscription], now: datetime) -> _DigestSelector:
        """Fetch everything needed to choose cards for these subscriptions, in a few queries."""
        since = min((each.since for each in subscriptions), default=now)
        guilds = {each.guild_id for each in subscriptions}
        candidate_pool = await self._store.outbox.candidates.load_pool(guilds, since, now - self._max_age)
        everything = [
            *candidate_pool.shared_candidates,
            *(card for own in candidate_pool.own_candidates.values() for card in own),
        ]
        already_delivered = await self._store.outbox.candidates.load_delivered(
            {each.channel_id for each in subscriptions}, candidate_pool
        )
        excluded = any(each.options.without for each in subscriptions)
        return _DigestSelector(
            candidate_pool, already_delivered, await self._load_texts(everything) if excluded else {}
        )

    async def _load_texts(self, candidates: Sequence[Candidate]) -> Mapping[int, Card]:
        """Texts of the candidates by card id, cached because consecutive ticks need the same ones."""
        wanted = {(card.card_id, card.revision) for card in candidates}
        if len(self._texts) > _TEXT_CACHE:
            self._texts = {name: card for name, card in self._texts.items() if name in wanted}
        if missing := wanted - self._texts.keys():
            found = await self._store.cards.get_by_ids({card_id for card_id, _ in missing})
            self._texts |= {(card_id, revision): found[card_id].card for card_id, revision in missing}
        return {card_id: self._texts[card_id, revision] for card_id, revision in wanted}


def _exclusion_test(texts: Mapping[int, Card], options: SubscriptionOptions) -> Callable[[int], bool] | None:
    """Predicate for cards excluded by topic or word; None if the subscription excludes nothing."""
    return (lambda card_id: excluding_term(texts[card_id], options.without) is not None) if options.without else None


class _DigestSelector:
    """The candidates for all digests of one planning run; rankings are cached."""

    def __init__(
        self, candidates: CandidatePool, already_delivered: Mapping[int, AlreadyDelivered], texts: Mapping[int, Card]
    ) -> None:
        self._candidates = candidates
        self._already_delivered = {
            channel: (set(already_delivered.cards), set(already_delivered.stories))
            for channel, already_delivered in already_delivered.items()
        }
        self._texts = texts
        self._rankings: dict[tuple[Any, ...], list[Candidate]] = {}
        self._stories = {card.card_id: card.story_id for card in self._all_candidates()}

    def _all_candidates(self) -> Iterable[Candidate]:
        yield from self._candidates.shared_candidates
        for own in self._candidates.own_candidates.values():
            yield from own

    def select_for(
        self, subscription: Subscription, period: timedelta, at: datetime, *, explain: bool = False
    ) -> Selection:
        cards, options = self._candidates.for_guild(subscription.guild_id), subscription.options
        already_delivered = self._already_delivered.get(subscription.channel_id)
        return select_cards(
            rank_candidates(cards, at, period) if explain else self._rank_for(cards, subscription, period, at),
            options,
            at,
            subscription.since,
            AlreadyDelivered(*already_delivered) if already_delivered else AlreadyDelivered(),
            _exclusion_test(self._texts, options),
            subscription_id=subscription.id,
            pauses=subscription.pauses,
            explain=explain,
        )

    def _rank_for(
        self, cards: Sequence[Candidate], subscription: Subscription, period: timedelta, at: datetime
    ) -> list[Candidate]:
        """Candidates that are new to the subscription, best first."""
        shared = 0 if cards is self._candidates.shared_candidates else subscription.guild_id
        key = (shared, score_half_life(period), at, subscription.since, subscription.pauses)
        if key not in self._rankings:
            since, pauses = subscription.since, subscription.pauses
            new = [card for card in cards if card.arrived_at > since]
            new = [card for card in new if is_new(card.arrived_at, since, pauses)] if pauses else new
            self._rankings[key] = rank_candidates(new, at, period)
        return self._rankings[key]

    def mark_delivered(self, channel_id: int, selected: Collection[SelectedCard]) -> None:
        """Record cards about to be posted, so that other subscriptions of the channel do not repeat them."""
        already_delivered = self._already_delivered.setdefault(channel_id, (set(), set()))
        already_delivered[0].update(card.card_id for card in selected)
        already_delivered[1].update(self._stories[card.card_id] for card in selected)
