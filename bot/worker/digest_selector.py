"""Choose the cards of single digests from candidates that are loaded for all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from bot.cards.model import Card
from bot.domain.digest_selection import (
    AlreadyDelivered,
    Candidate,
    RankedCandidate,
    SelectedCard,
    Selection,
    SelectionOutcome,
    TextJudge,
    merge_rankings,
    rank_candidates,
    score_half_life,
    select_cards,
)
from bot.domain.filters import excluding_term
from bot.domain.subscription import Subscription, SubscriptionOptions, is_new
from bot.domain.word_filters import CardWords, WordIndex, read_words
from bot.store import Store
from bot.store.cards.rows import StoredCard
from bot.store.outbox.digest_candidates import CandidatePool

_TEXT_CACHE = 2000
_Key = tuple[int, str]
"""(card id, revision)"""


@dataclass(frozen=True)
class _Text:
    """The text of a card; its words are read where a subscription asks for some."""

    card: Card
    language: str

    @cached_property
    def words(self) -> CardWords:
        return read_words(self.card, self.language)


class CandidateTexts:
    """The texts of candidates, to judge them by subscriptions that ask for words or exclude some."""

    def __init__(self, texts: Mapping[_Key, _Text]) -> None:
        self._texts = texts

    @cached_property
    def _index(self) -> WordIndex[_Key]:
        return WordIndex({key: text.words for key, text in self._texts.items()})

    def judge_for(self, options: SubscriptionOptions) -> TextJudge | None:
        """Return what judges candidates by a subscription's words; None if it has none."""
        if not reads_texts(options):
            return None
        # The cards of each entry are found once for all subscriptions that share it.
        having = frozenset[_Key]().union(*map(self._index.find_matches, options.words)) if options.words else None

        def judge_text(card: Candidate) -> SelectionOutcome | None:
            key = card.card_id, card.revision
            if (text := self._texts.get(key)) is None:
                return SelectionOutcome.EXCLUDED  # gone since it was chosen
            if having is not None and key not in having:
                return SelectionOutcome.OTHER_WORDS
            is_excluded = excluding_term(text.card, options.excluded, card.topics) is not None
            return SelectionOutcome.EXCLUDED if is_excluded else None

        return judge_text


NO_TEXTS = CandidateTexts({})


def reads_texts(options: SubscriptionOptions) -> bool:
    """Whether a subscription judges cards by their texts, as few do."""
    return bool(options.excluded or options.words)


class DigestSelector:
    """The candidates for all digests of one planning run; rankings are cached."""

    def __init__(
        self, candidates: CandidatePool, already_delivered: Mapping[int, AlreadyDelivered], texts: CandidateTexts
    ) -> None:
        self._candidates = candidates
        self._already_delivered = {
            channel: (set(delivered.cards), set(delivered.stories)) for channel, delivered in already_delivered.items()
        }
        self._texts = texts
        self._rankings: dict[tuple[Any, ...], list[RankedCandidate]] = {}
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
        options = subscription.options
        delivered = self._already_delivered.get(subscription.channel_id)
        return select_cards(
            # An explanation covers old cards as well; the ranking of the new ones would not name them.
            rank_candidates(self._candidates.for_guild(subscription.guild_id), at, period)
            if explain
            else self._rank_for(subscription, period, at),
            options,
            at,
            subscription.new_after,
            AlreadyDelivered(*delivered) if delivered else AlreadyDelivered(),
            self._texts.judge_for(options),
            subscription_id=subscription.id,
            pauses=subscription.pauses,
            explain=explain,
        )

    def _rank_for(self, subscription: Subscription, period: timedelta, at: datetime) -> list[RankedCandidate]:
        """Candidates that are new to the subscription, best first."""
        # All servers see the shared cards and most digests have the same slot: one ranking serves thousands of them.
        shared = self._rank_new(0, self._candidates.shared_candidates, subscription, period, at)
        guild_id = subscription.guild_id
        if hidden := self._candidates.hidden.get(guild_id):
            shared = [ranked for ranked in shared if ranked[1].card_id not in hidden]
        if not (own := self._candidates.own_candidates.get(guild_id)):
            return shared
        return merge_rankings(shared, self._rank_new(guild_id, own, subscription, period, at))

    def _rank_new(
        self, guild_id: int, cards: Sequence[Candidate], subscription: Subscription, period: timedelta, at: datetime
    ) -> list[RankedCandidate]:
        """Rank those of the cards that are new to the subscription; `guild_id` is 0 for the shared ones."""
        since, pauses = subscription.new_after, subscription.pauses
        key = (guild_id, score_half_life(period), at, since, pauses)
        if key not in self._rankings:
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
        self._texts: dict[_Key, _Text] = {}

    async def load_selector(self, subscriptions: Sequence[Subscription], now: datetime) -> DigestSelector:
        """Fetch everything needed to choose cards for these subscriptions, in a few queries."""
        since = min((each.new_after for each in subscriptions), default=now)
        guilds = {each.guild_id for each in subscriptions}
        candidate_pool = await self._store.outbox.candidates.load_pool(guilds, since, now - self._max_age)
        everything = [(0, card) for card in candidate_pool.shared_candidates]
        everything += [(guild_id, card) for guild_id, own in candidate_pool.own_candidates.items() for card in own]
        already_delivered = await self._store.outbox.candidates.load_delivered(
            {each.channel_id for each in subscriptions}, candidate_pool
        )
        needs_texts = any(reads_texts(each.options) for each in subscriptions)
        texts = await self.load_texts(everything) if needs_texts else NO_TEXTS
        return DigestSelector(candidate_pool, already_delivered, texts)

    async def load_texts(self, candidates: Iterable[tuple[int, Candidate]]) -> CandidateTexts:
        """Return the texts of candidates. Each comes with a server that sees it so, or 0 if all do."""
        wanted = {(card.card_id, card.revision): guild_id for guild_id, card in candidates}
        # Dropped only when there are many, and only those of no use now: all of them are needed again within seconds.
        if len(self._texts) > _TEXT_CACHE:
            self._texts = {name: text for name, text in self._texts.items() if name in wanted}
        missing = wanted.keys() - self._texts.keys()
        languages = await self._store.cards.fetch_languages({card_id for card_id, _ in missing})
        for key, stored in (await self._fetch_cards(missing, 0)).items():
            if stored.revision == key[1]:
                self._texts[key] = _read_text(stored, languages)
        # The rest was edited by its server, or has changed since: then its newer text is as good.
        edited: dict[int, set[_Key]] = {}
        for key in wanted.keys() - self._texts.keys():
            edited.setdefault(wanted[key], set()).add(key)
        for guild_id, keys in edited.items():
            found = await self._fetch_cards(keys, guild_id)
            self._texts |= {key: _read_text(stored, languages) for key, stored in found.items()}
        return CandidateTexts({key: self._texts[key] for key in wanted if key in self._texts})

    async def _fetch_cards(self, missing: Collection[_Key], guild_id: int) -> Mapping[_Key, StoredCard]:
        if not missing:
            return {}
        found = await self._store.cards.get_by_ids({card_id for card_id, _ in missing}, guild_id)
        return {key: found[key[0]] for key in missing if key[0] in found}


def _read_text(stored: StoredCard, languages: Mapping[int, str]) -> _Text:
    # A card that was filed since the languages were loaded is read without stems.
    return _Text(stored.card, languages.get(stored.id, ""))
