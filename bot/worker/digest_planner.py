"""Make digests: find those that are due, split the cards chosen for them into messages, and store these."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain.digest_schedule import Slot, schedule_for
from bot.domain.digest_selection import SelectedCard
from bot.domain.subscription import Frequency, Layout, Subscription, digest_layout
from bot.i18n import override_language
from bot.metrics import Metrics
from bot.render.digest import catch_up_heading, continued_heading, format_heading, quiet_heading
from bot.render.layouts import LAYOUTS
from bot.store import Store
from bot.store.outbox.digests import CardTakenError, DeferredStory, DigestBatch, OverdueMessage, PlannedMessage
from bot.worker.backfill import select_newest
from bot.worker.digest_preview import DigestPreviewer
from bot.worker.digest_selector import SelectorLoader

_log = logging.getLogger(__name__)

_SIZE_CACHE = 5000
_TROUBLE = 200
"""Maximum length of a stored error, in characters."""
_SUSPENSION = timedelta(minutes=15)
"""Retry delay for a subscription that could not be planned."""
_STEP = timedelta(minutes=1)
"""Tolerance for a clock that jumps back: below this, a slot is merely made slightly early."""
_MOST_KEPT = 100
"""Maximum number of headlines from missed slots merged into the next one when a channel reopens."""
_FIRST_SLOT = "backfill"
_BATCH_SIZE = 500
"""Digests per transaction; bounds how long other readers and writers wait."""


@dataclass(frozen=True, slots=True)
class DigestReceipt:
    """Result of sending a digest on request: the number of cards, and when quiet hours end if they delay it."""

    card_count: int
    quiet_until: datetime | None = None


class DigestPlanner:
    """Plan the messages of digests, for the courier to deliver."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        selectors: SelectorLoader,
        previewer: DigestPreviewer,
        on_suspended: Callable[[Subscription], None],
        metrics: Metrics,
    ) -> None:
        """`on_suspended` is called with a subscription when it is first suspended. It must not block."""
        self._store = store
        self._clock = clock
        self._selectors = selectors
        self._previewer = previewer
        self._on_suspended = on_suspended
        self._metrics = metrics
        self._last_look: datetime | None = None
        self._sizes: dict[tuple[Layout, int, str], int] = {}

    async def plan_due(self) -> int:
        """Make the digests that are due, each for its latest slot; missed slots are merged into it.

        If one subscription fails, it is suspended for a while; the others are not affected. Returns the number of new
        messages.
        """
        now, added = self._clock(), 0
        due = await self._store.subscriptions.fetch_due(now)
        for each in due:
            if each.unusable:
                await self._suspend_subscription(each, f"unusable: {', '.join(each.unusable)}", now)
        usable = [each for each in due if not each.unusable]
        for start in range(0, len(usable), _BATCH_SIZE):
            added += await self._plan_each(usable[start : start + _BATCH_SIZE], now)
        return added

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
                await self._suspend_subscription(due[0], f"{type(error).__name__}: {error}"[:_TROUBLE], now)
                return 0
        # Nothing of the failed transaction is stored, and each half is chosen again from fresh data.
        middle = len(due) // 2
        return await self._plan_each(due[:middle], now) + await self._plan_each(due[middle:], now)

    async def _suspend_subscription(self, subscription: Subscription, trouble: str, now: datetime) -> None:
        """Suspend a subscription that cannot be planned and retry later; notify its people the first time."""
        await self._store.subscriptions.suspend_subscription(subscription, trouble, now + _SUSPENSION)
        self._metrics.count_digest_failure()
        if subscription.trouble is None:
            _log.error("Suspended subscription %s of server %s: %s", subscription.id, subscription.guild_id, trouble)
            self._on_suspended(replace(subscription, trouble=trouble))

    async def repair_schedules(self, now: datetime) -> None:
        """Reschedule digests that a wrong clock put too far into the future; check all if the clock was set back."""
        since, self._last_look = self._last_look, now
        # Nobody knows what the clock did while the program was down, so the first call checks all digests.
        everything = since is None or now < since - _STEP
        find = self._store.subscriptions.fetch_doubtful if everything else self._store.subscriptions.fetch_too_far_ahead
        if count := await self._store.subscriptions.repair_schedules(await find(now), now):
            _log.warning("Rescheduled %s digests that were later than their timetables allow", count)
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
        selector = await self._selectors.load_selector(due, now)
        overdue = await self._store.outbox.digests.fetch_overdue({each.channel_id for each in due}, now)
        for subscription in due:
            table = schedule_for(subscription.options)
            slot = table.latest_slot(now) if table else None
            following = table.next_slot(now) if table else None
            is_new = slot is not None and slot.at > subscription.new_after
            since = slot.at if slot and is_new else subscription.new_after
            batch.advanced.append((subscription, since, following.at if following else None))
            if table and slot and is_new:
                selected = selector.select_for(subscription, table.period, slot.at).cards
                # Before the channel's next subscription chooses: a channel gets each card once.
                selector.mark_delivered(subscription, selected)
                # A channel that reopens after a week gets one digest instead of seven.
                late = overdue.get(subscription.id, [])
                batch.merged |= {subscription.id: [each.delivery_id for each in late]} if late else {}
                batch.messages += await self._build_slot(subscription, slot, selected, late)
        return len((await self._store.outbox.digests.save_batch(batch, now)).messages)

    async def _build_slot(
        self, subscription: Subscription, slot: Slot, selected: Sequence[SelectedCard], late: Sequence[OverdueMessage]
    ) -> list[PlannedMessage]:
        """A slot's messages. Cards of earlier slots that could not be sent are merged in, as a list of headlines."""
        late_cards = [SelectedCard(card.card_id, card.revision, card.coverage) for each in late for card in each.cards][
            -_MOST_KEPT:
        ]
        if not late_cards:
            return await self._build_messages(subscription, slot.name, slot.at, selected)
        with override_language(subscription.language):
            head = catch_up_heading(min(each.planned_at for each in late))
            return [
                PlannedMessage(
                    _without_template(subscription),
                    slot.name,
                    part,
                    slot.at,
                    continued_heading() if part else head,
                    Layout.LIST,
                    cards,
                )
                for part, cards in enumerate(
                    await self._split_parts([*late_cards, *selected], Layout.LIST, subscription.guild_id)
                )
            ]

    async def _build_messages(
        self, subscription: Subscription, slot: str, at: datetime, selected: Sequence[SelectedCard]
    ) -> list[PlannedMessage]:
        options = subscription.options
        if not selected and options.skip_empty:
            return []
        layout = digest_layout(options)
        messages = await self._split_parts(selected, layout, subscription.guild_id) or [()]
        with override_language(subscription.language):
            head = format_heading(options.frequency, at, options.topics, empty=not selected, parts=len(messages))
            return [
                PlannedMessage(subscription, slot, part, at, continued_heading() if part else head, layout, cards)
                for part, cards in enumerate(messages)
            ]

    async def _split_parts(
        self, selected: Sequence[SelectedCard], layout: Layout, guild_id: int
    ) -> list[Sequence[SelectedCard]]:
        """Split the cards into messages. Cards are fetched only for a layout that needs their sizes."""
        look = LAYOUTS[layout]
        sizes = await self._measure_cards(selected, layout, guild_id) if look.needs_sizes else [0] * len(selected)
        counts = look.split_cards(sizes)
        places = [sum(counts[:part]) for part in range(len(counts))]
        return [selected[place : place + count] for place, count in zip(places, counts, strict=True)]

    async def _measure_cards(self, selected: Sequence[SelectedCard], layout: Layout, guild_id: int) -> list[int]:
        # A popular card is in thousands of digests of one tick: measure each revision once.
        if len(self._sizes) > _SIZE_CACHE:
            self._sizes.clear()
        keys = [(layout, card.card_id, card.revision) for card in selected]
        if unknown := [key for key in keys if key not in self._sizes]:
            cards = await self._store.cards.get_by_ids([card_id for _, card_id, _ in unknown], guild_id)
            self._sizes |= {key: LAYOUTS[layout].measure_card(cards[key[1]]) for key in unknown}
        return [self._sizes[key] for key in keys]

    async def update_quiet_hours(self) -> int:
        """Start and end quiet hours; release deferred stories as one digest. Returns the number of new messages."""
        now = self._clock()
        if changing := await self._store.subscriptions.quiet_hours.fetch_changing(now):
            await self._store.subscriptions.quiet_hours.mark_changed(changing, now)
        stories = await self._store.outbox.digests.fetch_deferred(now)
        if not stories.released:
            return 0
        batch = DigestBatch(released_ids=stories.released)
        for waiting in stories.waiting.values():
            # Slots are unique for a subscription; the microseconds tell two releases of one minute apart.
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
        subscriptions = await self._store.subscriptions.get_by_ids([waiting[0].subscription_id])
        # Reversed, so that the first card of a story is the last one written for its key.
        first = {each.story_id: each.card for each in reversed(waiting)}
        cards = [
            SelectedCard(each.card.id, each.card.revision) for each in waiting if first[each.story_id] is each.card
        ]
        messages = []
        for subscription in map(_without_template, subscriptions):
            with override_language(subscription.language):
                messages += [
                    PlannedMessage(
                        subscription, slot, part, now, continued_heading() if part else head(), Layout.LIST, selected
                    )
                    for part, selected in enumerate(await self._split_parts(cards, Layout.LIST, subscription.guild_id))
                ]
        return messages

    async def plan_first(self, draft: Subscription) -> list[PlannedMessage]:
        """Plan the first messages of a subscription that is not stored yet: its newest cards, if it asks for any."""
        now, options = self._clock(), draft.options
        selected = await select_newest(self._store, draft, options.backfill) if options.backfill else []
        if not selected:
            return []
        if options.frequency is not Frequency.INSTANT:
            return await self._build_messages(draft, _FIRST_SLOT, now, selected)
        return [
            PlannedMessage(draft, _FIRST_SLOT, part, now, "", Layout.CARD, [card])
            for part, card in enumerate(reversed(selected))
        ]

    async def plan_now(self, subscription: Subscription) -> DigestReceipt:
        """Send an extra digest immediately, or at the end of quiet hours. The timetable does not change."""
        try:
            return await self._plan_extra(subscription)
        except CardTakenError:
            return await self._plan_extra(subscription)  # the cards that are left

    async def _plan_extra(self, subscription: Subscription) -> DigestReceipt:
        now = self._clock()
        preview = await self._previewer.preview_digest(subscription)
        if not (selected := preview.selection.cards):
            return DigestReceipt(0)
        messages = await self._build_messages(subscription, f"now {now:%Y-%m-%d %H:%M:%S.%f}", now, selected)
        batch = DigestBatch(messages, [(subscription, now, subscription.next_digest_at)])
        saved = await self._store.outbox.digests.save_batch(batch, now)
        cards = sum(len(message.cards) for message in saved.messages)
        return DigestReceipt(cards, saved.quiet_until.get(subscription.channel_id))


def _without_template(subscription: Subscription) -> Subscription:
    """Return the subscription for messages whose heading says why they come late."""
    return replace(subscription, options=replace(subscription.options, template=""))
