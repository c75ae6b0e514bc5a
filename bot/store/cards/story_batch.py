"""Give a batch of cards their stories, one after the other, in one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.story_clustering import SPAN, AddressMatch, StoryBook
from bot.domain.story_keys import OWN, neighbour_keys
from bot.domain.story_matching import (
    RELATED,
    SAME_ADDRESS,
    Report,
    StoryCard,
    compute_similarity,
    rarest_words,
)
from bot.domain.story_text import StoryText
from bot.store.cards.search_entries import SHARED
from bot.store.cards.server_stories import StoryLink, assign_rows, clear_unposted_rows, move_stories
from bot.store.cards.story_candidates import WordIndex, delete_texts, load_stories, load_story_cards
from bot.store.cards.story_coverage import mark_stale
from bot.store.cards.story_decisions import clear_matched
from bot.store.cards.visibility import IS_SHARED
from bot.store.cards.word_counts import WordCounts
from bot.store.sql_helpers import PlainRow, chunks, insert_or_ignore, insert_plain
from bot.store.tables import cards, delivery_cards, story_keys, story_links, story_texts

_LINKS_OF_SOURCE = 8
"""Maximum number of links of a card to cards of one source: more are shown nowhere."""


@dataclass(frozen=True, slots=True)
class PendingCard:
    """A card that waits for its story. `source_id` is `SHARED` if it is everybody's."""

    card_id: int
    published_at: datetime
    source_id: int
    story_id: int | None
    content_hash: str
    publisher: str
    keys: frozenset[str]
    text: StoryText
    is_withdrawn: bool


@dataclass(frozen=True, slots=True)
class _StoryMember:
    """A card that others may join. Without a story it is one of a followed source: it has one in each server."""

    published_at: datetime
    source_id: int
    story_id: int | None


class StoryBatch:
    """One batch. What its cards are compared with is loaded at once, then each card may join those before it."""

    def __init__(self, connection: AsyncConnection, pending: Sequence[PendingCard]) -> None:
        self._connection = connection
        self._pending = [each for each in pending if not each.is_withdrawn]
        self._withdrawn = [each for each in pending if each.is_withdrawn]
        self._counts = WordCounts(connection)
        self._index = WordIndex(connection)
        self._similar: dict[int, list[StoryLink]] = {}
        """By card id, the cards before it that are like it."""
        self._by_key: defaultdict[str, set[int]] = defaultdict(set)
        self._members: dict[int, _StoryMember] = {}
        self._book = StoryBook()
        self._links: list[tuple[StoryCard, list[StoryLink]]] = []

    async def assign_stories(self) -> None:
        """Give the cards their stories, and store by what later ones will find them."""
        if not self._pending and not self._withdrawn:
            return
        cleared = await self._clear_changed()
        new = await self._weigh_cards()
        await self._load_neighbours(new)
        for pending, card in zip(self._pending, new, strict=True):
            self._add_card(pending, card, None if pending.card_id in cleared else pending.story_id)
        await self._save_stories()
        await self._index.save_cards(new)
        await self._counts.save_changes()
        await self._save_links()
        told = [(card, self._members[card.card_id].story_id, links) for card, links in self._links]
        shared = [each for each in self._pending if each.source_id == SHARED]
        new_ids = {each.card_id for each in shared if each.story_id is None or each.card_id in cleared}
        await assign_rows(self._connection, told, new_ids)

    async def _clear_changed(self) -> set[int]:
        """Remove what was stored of cards that have changed. Returns the ids of those that leave their stories."""
        ids = [each.card_id for each in (*self._pending, *self._withdrawn)]
        query = select(story_texts.c.card_id, story_texts.c.title).where(story_texts.c.card_id.in_(ids))
        self._titles = dict((await self._connection.execute(query)).all())
        renamed = [
            each.card_id
            for each in self._pending
            if each.card_id in self._titles and self._titles[each.card_id] != " ".join(sorted(each.text.title))
        ]
        # Most cards are new: nothing is stored of them.
        leaving = await self._leave_stories(renamed) if renamed else []
        if self._titles:
            await delete_texts(self._connection, list(self._titles))
        for table in (story_keys, story_links):
            await self._connection.execute(delete(table).where(table.c.card_id.in_(ids)))
        # Also of withdrawn cards: two later ones that list the same of them still tell its story.
        kept = (*self._pending, *self._withdrawn)
        rows = [{"key": key, "card_id": each.card_id} for each in kept for key in sorted(each.keys)]
        if rows:
            await self._connection.execute(insert_or_ignore(story_keys), rows)
        return set(leaving)

    async def _leave_stories(self, renamed: Sequence[int]) -> list[int]:
        """Let cards with another title leave their stories where they were not posted. Returns the ids of those."""
        posted_query = select(delivery_cards.c.card_id).where(delivery_cards.c.card_id.in_(renamed))
        posted = set((await self._connection.execute(posted_query)).scalars())
        leaving = [card_id for card_id in renamed if card_id not in posted]
        for card_id in leaving:
            await _leave_story(self._connection, card_id)
        await clear_unposted_rows(self._connection, renamed)
        await clear_matched(self._connection, renamed, leaving)
        return leaving

    async def _weigh_cards(self) -> list[StoryCard]:
        """Count the words of the cards, each with those before it, and weigh them."""
        source_ids = {each.source_id for each in self._pending}
        await self._counts.load_counts(source_ids, [each.text for each in self._pending])
        weighed = []
        for each in self._pending:
            if each.card_id not in self._titles:
                self._counts.add_card(each.source_id, each.text, each.published_at)
            text = self._counts.weigh_text(each.source_id, each.text, each.published_at)
            report = Report(each.publisher, each.published_at, text.title)
            weighed.append(StoryCard(each.card_id, report, text, each.text.numbers, each.source_id))
        return weighed

    async def _load_neighbours(self, new: Sequence[StoryCard]) -> None:
        """Load the cards that these may be of one story with, those before them included, and the stories of those."""
        if not new:
            return
        words = {word for card in new for word in rarest_words(card.text)}
        times = [card.published_at for card in new]
        await self._index.load_places(words, min(times), max(times))
        near = {}
        for card in new:
            near[card.card_id] = self._index.find_near(card)
            self._index.add_card(card)
        texts = await load_story_cards(self._connection, {each for ids in near.values() for each in ids})
        for card in new:
            self._similar[card.card_id] = _find_similar(card, near[card.card_id], texts)
            texts[card.card_id] = card
        wanted = {key for each in self._pending for key in neighbour_keys(each.keys)}
        for some in chunks(sorted(wanted)):
            query = select(story_keys.c.key, story_keys.c.card_id).where(story_keys.c.key.in_(some))
            for key, card_id in await self._connection.execute(query):
                self._by_key[key].add(card_id)
        links = [link for similar in self._similar.values() for link in similar]
        by_key = {card_id for ids in self._by_key.values() for card_id in ids}
        await self._load_members(by_key.union(link.other_id for link in links) - near.keys())
        joined = [self._members.get(card_id) for card_id in by_key.union(link.other_id for link in links if link.joins)]
        story_ids = {each.story_id for each in (*joined, *self._pending) if each and each.story_id is not None}
        self._book.stories.update(await load_stories(self._connection, story_ids))

    async def _load_members(self, card_ids: Iterable[int]) -> None:
        columns = (cards.c.id, cards.c.published_at, cards.c.source_id, IS_SHARED, cards.c.story_id)
        query = select(*columns).where(~cards.c.needs_story)
        for some in chunks(sorted(card_ids)):
            for card_id, published_at, source_id, is_shared, story_id in await self._connection.execute(
                query.where(cards.c.id.in_(some))
            ):
                if is_shared and story_id is None:
                    continue  # a followed card that was withdrawn
                self._members[card_id] = _StoryMember(published_at, SHARED if is_shared else source_id, story_id)

    def _add_card(self, pending: PendingCard, card: StoryCard, story_id: int | None) -> None:
        links = [link for link in self._similar[card.card_id] if link.other_id in self._members]
        matches = self._find_matches(pending)
        if card.source_id == SHARED:
            known = [(link, self._members[link.other_id]) for link in links]
            similar = [(link.similarity, member.story_id) for link, member in known if member.story_id is not None]
            same_article = [
                AddressMatch(other_id, member.story_id, member.published_at, is_same)
                for other_id, (member, is_same) in matches.items()
                if member.story_id is not None
            ]
            story_id = self._book.add_card(card, same_article, similar, story_id)
        self._members[card.card_id] = _StoryMember(card.published_at, card.source_id, story_id)
        by_address = [
            StoryLink(other_id, SAME_ADDRESS, member.source_id)
            for other_id, (member, is_same) in sorted(matches.items())
            if is_same or abs(member.published_at - card.published_at) <= SPAN
        ]
        addressed = {link.other_id for link in by_address}
        kept = _keep_best([*by_address, *(link for link in links if link.other_id not in addressed)])
        self._links.append((card, kept))

    def _find_matches(self, pending: PendingCard) -> dict[int, tuple[_StoryMember, bool]]:
        """Find the cards by the card's own address or one that it lists, and whether they are the same article."""
        found: dict[int, tuple[_StoryMember, bool]] = {}
        for key in sorted(neighbour_keys(pending.keys)):
            is_same = key.startswith(OWN) and key in pending.keys
            for other_id in self._by_key[key]:
                if other_id != pending.card_id and (member := self._members.get(other_id)):
                    found[other_id] = member, is_same or (other_id in found and found[other_id][1])
        return found

    async def _save_stories(self) -> None:
        for ending in self._book.merged:
            await move_stories(self._connection, ending, self._book.current_id(ending))
        rows = []
        for card_id in [each.card_id for each in self._pending]:
            member = self._members[card_id]
            if member.story_id is not None:
                member = _StoryMember(member.published_at, member.source_id, self._book.current_id(member.story_id))
                self._members[card_id] = member
            rows.append({"the_id": card_id, "story": member.story_id})
        if rows:
            await self._connection.execute(_GIVE, rows)
        if skipped := [each.card_id for each in self._withdrawn]:
            await self._connection.execute(update(cards).where(cards.c.id.in_(skipped)).values(needs_story=False))

    async def _save_links(self) -> None:
        rows: list[PlainRow] = [
            {"card_id": card.card_id, "other_id": link.other_id, "similarity": link.similarity}
            for card, links in self._links
            for link in links
        ]
        await insert_plain(self._connection, story_links, rows)


_GIVE = update(cards).where(cards.c.id == bindparam("the_id")).values(story_id=bindparam("story"), needs_story=False)


def _find_similar(card: StoryCard, near: Iterable[int], texts: Mapping[int, StoryCard]) -> list[StoryLink]:
    """Return links to those of the near cards that are like a card."""
    found = []
    for other_id in near:
        other = texts.get(other_id)
        if other and (similarity := compute_similarity(card, other)) >= RELATED:
            found.append(StoryLink(other_id, similarity, other.source_id))
    return found


def _keep_best(links: Iterable[StoryLink]) -> list[StoryLink]:
    """Keep some links to each source, so that none displaces those to another that a server follows."""
    kept: list[StoryLink] = []
    seen: Counter[int] = Counter()
    for link in sorted(links, key=lambda each: (-each.similarity, -each.other_id)):
        seen[link.source_id] += 1
        if seen[link.source_id] <= _LINKS_OF_SOURCE:
            kept.append(link)
    return kept


async def _leave_story(connection: AsyncConnection, card_id: int) -> None:
    """Take a card out of its story. If the story goes by the card's id, it goes by that of another from now on."""
    left = (cards.c.story_id == card_id) & (cards.c.id != card_id)
    other = (await connection.execute(select(func.min(cards.c.id)).where(left))).scalar_one()
    if other is not None:
        await move_stories(connection, card_id, other)
    else:
        await mark_stale(
            connection, select(cards.c.story_id).where(cards.c.id == card_id, cards.c.story_id.is_not(None))
        )
    await connection.execute(update(cards).where(cards.c.id == card_id).values(story_id=None))
