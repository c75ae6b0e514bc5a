"""Preview a subscription's next digest, and simulate options over the last month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.digest_schedule import schedule_for
from bot.domain.digest_selection import Selection, SelectionOutcome
from bot.domain.subscription import Subscription, SubscriptionOptions
from bot.domain.what_if import simulate_options
from bot.i18n import override_language
from bot.render.digest import format_heading
from bot.render.subscriptions import WhatIfResult
from bot.store import Store
from bot.store.cards.rows import StoredCard
from bot.worker.digest_selector import SelectorLoader, exclusion_test

LOOK_BACK = timedelta(weeks=1)
"""How far back a preview of an instant subscription looks."""
_NO_CHANNEL = 0
"""A channel id that matches no channel, so that no card counts as posted there."""
_SIMULATED_DAYS = 30
_LONGEST_PERIOD = timedelta(days=8)
"""How much further back cards are loaded, for the first simulated digest: a week's, with a day to spare."""
_SIMULATED_CARDS = 25
"""Maximum number of the newest cards shown of a simulation."""


@dataclass(frozen=True, slots=True)
class DigestPreview:
    """A subscription's next digest as if it were due now; for an instant subscription, the last week's cards."""

    selection: Selection
    cards: tuple[StoredCard, ...]
    heading: str


class DigestPreviewer:
    """Choose cards as the planner does, and change nothing."""

    def __init__(self, store: Store, clock: Callable[[], datetime], selectors: SelectorLoader) -> None:
        self._store = store
        self._clock = clock
        self._selectors = selectors

    async def preview_digest(self, subscription: Subscription) -> DigestPreview:
        """Preview the next digest, with the outcome for every card considered.

        An instant subscription has already posted everything new, so preview it as if it had posted nothing for a week.
        """
        if schedule_for(subscription.options) is None:
            subscription = replace(subscription, channel_id=_NO_CHANNEL, new_after=self._clock() - LOOK_BACK)
        return await self._build_preview(subscription)

    async def _build_preview(self, subscription: Subscription) -> DigestPreview:
        now, table = self._clock(), schedule_for(subscription.options)
        selector = await self._selectors.load_selector([subscription], now)
        choice = selector.select_for(subscription, table.period if table else LOOK_BACK, now, explain=True)
        cards_by_id = await self._store.cards.get_by_ids([card.card_id for card in choice.cards], subscription.guild_id)
        cards = tuple(cards_by_id[card.card_id] for card in choice.cards)
        options = subscription.options
        with override_language(subscription.language):
            return DigestPreview(choice, cards, format_heading(options.frequency, now, options.topics))

    async def predict_outcome(self, subscription: Subscription, card: StoredCard) -> SelectionOutcome:
        """The outcome for one card if the next digest were due now."""
        preview = await self._build_preview(subscription)
        return preview.selection.outcomes.get(card.id, SelectionOutcome.NOT_NEW)

    async def simulate_options(self, guild_id: int, options: SubscriptionOptions) -> WhatIfResult:
        """Simulate a subscription with these options over the last 30 days."""
        now = self._clock()
        start = now - timedelta(days=_SIMULATED_DAYS) - _LONGEST_PERIOD
        candidate_pool = (await self._store.outbox.candidates.load_pool([guild_id], start, start)).for_guild(guild_id)
        texts = await self._selectors.load_texts(candidate_pool) if options.excluded else {}
        result = await asyncio.to_thread(
            simulate_options, candidate_pool, options, now, _SIMULATED_DAYS, exclusion_test(texts, options)
        )
        newest = result.card_ids[:_SIMULATED_CARDS]
        cards_by_id = await self._store.cards.get_by_ids(newest, guild_id)
        cards = [cards_by_id[card_id] for card_id in newest]
        return WhatIfResult(result.days, result.digests, cards)
