"""Choose the cards of single digests from candidates that are loaded for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.cards.model import Card
from bot.domain.digest_selection import (
    AlreadyDelivered,
    Candidate,
    SelectedCard,
    Selection,
    rank_candidates,
    score_half_life,
    select_cards,
)
from bot.domain.filters import excluding_term
from bot.domain.subscription import Subscription, SubscriptionOptions, is_new
from bot.store import Store
from bot.store.outbox.digest_candidates import CandidatePool

_TEXT_CACHE = 2000


class DigestSelector:
    """The candidates for all digests of one planning run; rankings are cached."""

    def __init__(
        self, candidates: CandidatePool, already_delivered: Mapping[int, AlreadyDelivered], texts: Mapping[int, Card]
    ) -> None:
        self._candidates = candidates
        self._already_delivered = {
            channel: (set(delivered.cards), set(delivered.stories)) for channel, delivered in already_delivered.items()
        }
        self._texts = texts
        self._rankings: dict[tuple[Any, ...], list[Candidate]] = {}
        self._stories = {card.card_id: card.story_id for card in candidates.shared_candidates}
        # A followed card tells another story in another server.
        self._own_stories = {
            (guild_id, card.card_id): card.story_id
            for guild_id, own in candidates.own_candidates.items()
            for card in own
        }

    def select_for(
        self, subscription: Subscription, period: timedelta, at: datetime, *, explain: bool = False
    ) -> Selection:
        """Choose the cards of a subscription's digest of `at`. With `explain`, give the outcome for each candidate."""
        cards, options = self._candidates.for_guild(subscription.guild_id), subscription.options
        delivered = self._already_delivered.get(subscription.channel_id)
        return select_cards(
            # An explanation covers old cards as well; the ranking of the new ones would not name them.
            rank_candidates(cards, at, period) if explain else self._rank_for(cards, subscription, period, at),
            options,
            at,
            subscription.new_after,
            AlreadyDelivered(*delivered) if delivered else AlreadyDelivered(),
            exclusion_test(self._texts, options),
            subscription_id=subscription.id,
            pauses=subscription.pauses,
            explain=explain,
        )

    def _rank_for(
        self, cards: Sequence[Candidate], subscription: Subscription, period: timedelta, at: datetime
    ) -> list[Candidate]:
        """Candidates that are new to the subscription, best first."""
        # Most servers see the same cards and most digests have the same slot: one ranking serves thousands of them.
        shared = 0 if cards is self._candidates.shared_candidates else subscription.guild_id
        key = (shared, score_half_life(period), at, subscription.new_after, subscription.pauses)
        if key not in self._rankings:
            since, pauses = subscription.new_after, subscription.pauses
            new = [card for card in cards if card.arrived_at > since]
            new = [card for card in new if is_new(card.arrived_at, since, pauses)] if pauses else new
            self._rankings[key] = rank_candidates(new, at, period)
        return self._rankings[key]

    def mark_delivered(self, subscription: Subscription, selected: Collection[SelectedCard]) -> None:
        """Record cards about to be posted, so that other subscriptions of the channel do not repeat them."""
        card_ids, story_ids = self._already_delivered.setdefault(subscription.channel_id, (set(), set()))
        for card in selected:
            card_ids.add(card.card_id)
            own = self._own_stories.get((subscription.guild_id, card.card_id))
            story_ids.add(self._stories[card.card_id] if own is None else own)


class SelectorLoader:
    """Load selectors. Keeps the texts of candidates, because consecutive ticks need the same ones."""

    def __init__(self, store: Store, max_age: timedelta) -> None:
        self._store = store
        self._max_age = max_age
        self._texts: dict[tuple[int, str], Card] = {}

    async def load_selector(self, subscriptions: Sequence[Subscription], now: datetime) -> DigestSelector:
        """Fetch everything needed to choose cards for these subscriptions, in a few queries."""
        since = min((each.new_after for each in subscriptions), default=now)
        guilds = {each.guild_id for each in subscriptions}
        candidate_pool = await self._store.outbox.candidates.load_pool(guilds, since, now - self._max_age)
        everything = [
            *candidate_pool.shared_candidates,
            *(card for own in candidate_pool.own_candidates.values() for card in own),
        ]
        already_delivered = await self._store.outbox.candidates.load_delivered(
            {each.channel_id for each in subscriptions}, candidate_pool
        )
        # Only exclusions read texts, and few subscriptions exclude anything.
        needs_texts = any(each.options.excluded for each in subscriptions)
        texts = await self.load_texts(everything) if needs_texts else {}
        return DigestSelector(candidate_pool, already_delivered, texts)

    async def load_texts(self, candidates: Sequence[Candidate]) -> Mapping[int, Card]:
        """Return the texts of the candidates by card id."""
        wanted = {(card.card_id, card.revision) for card in candidates}
        # Dropped only when there are many, and only those of no use now: all of them are needed again within seconds.
        if len(self._texts) > _TEXT_CACHE:
            self._texts = {name: card for name, card in self._texts.items() if name in wanted}
        if missing := wanted - self._texts.keys():
            cards_by_id = await self._store.cards.get_by_ids({card_id for card_id, _ in missing})
            self._texts |= {(card_id, revision): cards_by_id[card_id].card for card_id, revision in missing}
        return {card_id: self._texts[card_id, revision] for card_id, revision in wanted}


def exclusion_test(texts: Mapping[int, Card], options: SubscriptionOptions) -> Callable[[int], bool] | None:
    """Predicate for cards excluded by topic or word; None if the subscription excludes nothing."""
    return (lambda card_id: excluding_term(texts[card_id], options.excluded) is not None) if options.excluded else None
