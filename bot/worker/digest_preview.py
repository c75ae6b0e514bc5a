"""Preview a subscription's next digest, and simulate options over the last month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.cards.text import normalize_name
from bot.domain.digest_schedule import schedule_for
from bot.domain.digest_selection import Candidate, Selection, SelectionOutcome, list_mismatches
from bot.domain.subscription import Subscription, SubscriptionOptions
from bot.domain.what_if import simulate_options
from bot.i18n import override_language
from bot.render.digest import format_heading
from bot.render.subscriptions import WhatIfResult
from bot.store import Store
from bot.store.cards.rows import StoredCard
from bot.worker.digest_selector import NO_TEXTS, SelectorLoader, reads_texts

LOOK_BACK = timedelta(weeks=1)
"""How far back a preview of an instant subscription looks."""
_UNFIT = {
    SelectionOutcome.OTHER_TOPIC,
    SelectionOutcome.OTHER_PROVIDER,
    SelectionOutcome.OTHER_WORDS,
    SelectionOutcome.EXCLUDED,
    SelectionOutcome.LOW_QUALITY,
    SelectionOutcome.NOT_NEW,
}
"""Outcomes of cards that the subscription may not want for other reasons as well."""
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

    async def predict_outcomes(self, subscription: Subscription, card: StoredCard) -> list[SelectionOutcome]:
        """The outcome for one card if the next digest were due now; every reason if it could not be in any."""
        preview = await self._build_preview(subscription)
        outcome = preview.selection.outcomes.get(card.id, SelectionOutcome.NOT_NEW)
        if outcome not in _UNFIT:
            return [outcome]
        # An old card is not among the candidates, so that its own values are looked at.
        mismatches = await self._list_mismatches(subscription, card)
        return mismatches if outcome in mismatches else [*mismatches, outcome]

    async def _list_mismatches(self, subscription: Subscription, stored: StoredCard) -> list[SelectionOutcome]:
        options, guild_id, card = subscription.options, subscription.guild_id, stored.card
        topics = await self._store.cards.fetch_topics_of([stored], guild_id)
        candidate = Candidate(
            stored.id,
            stored.id,
            stored.revision,
            published_at=card.published_at,
            arrived_at=card.published_at,
            topics=topics[stored.id],
            provider=normalize_name(card.provider.name) if card.provider else "",
            quality=card.quality,
            heat=card.heat,
        )
        texts = await self._selectors.load_texts([(guild_id, candidate)]) if reads_texts(options) else NO_TEXTS
        return list_mismatches(candidate, options, texts.judge_for(options))

    async def simulate_options(self, guild_id: int, options: SubscriptionOptions) -> WhatIfResult:
        """Simulate a subscription with these options over the last 30 days."""
        now = self._clock()
        start = now - timedelta(days=_SIMULATED_DAYS) - _LONGEST_PERIOD
        candidate_pool = (await self._store.outbox.candidates.load_pool([guild_id], start, start)).for_guild(guild_id)
        texts = NO_TEXTS
        if reads_texts(options):
            texts = await self._selectors.load_texts((guild_id, card) for card in candidate_pool)
        result = await asyncio.to_thread(
            simulate_options, candidate_pool, options, now, _SIMULATED_DAYS, texts.judge_for(options)
        )
        newest = result.card_ids[:_SIMULATED_CARDS]
        cards_by_id = await self._store.cards.get_by_ids(newest, guild_id)
        cards = [cards_by_id[card_id] for card_id in newest]
        return WhatIfResult(result.days, result.digests, cards)
