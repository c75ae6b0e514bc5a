"""Stories that moderators made, each in their server: what later cards join, and what a story consists of.

Nothing that tells stories by matching reads or changes them: they lie above its result (`bot.store.cards.stories`), and
what is taken back leaves what matching found meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import and_, delete, exists, func, insert, literal, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.story_clustering import Story, has_room
from bot.domain.story_matching import SAME_ADDRESS, SAME_STORY, Report, StoryCard
from bot.store.cards import stories
from bot.store.cards.story_candidates import load_story_cards, split_words
from bot.store.cards.visibility import is_shared
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, deliveries, delivery_cards, server_cards, story_decisions, story_links, story_texts


async def fetch_story(connection: AsyncConnection, guild_id: int, card_id: int) -> tuple[int, set[int]]:
    """Return the id of the story that a card tells in a server, and the ids of all its cards, also withdrawn ones."""
    of_card = select(stories.story_id_in(guild_id, cards)).where(cards.c.id == card_id)
    story_id = (await connection.execute(of_card)).scalar_one()
    member = cards.alias("member")
    parts = stories.select_members(guild_id, literal(story_id, cards.c.id.type), member, member.c.id)
    return story_id, {card_id, *(await connection.execute(union(*parts))).scalars()}


async def add_decision(connection: AsyncConnection, guild_id: int, card_ids: Collection[int], story_id: int) -> None:
    """Let cards tell the story of a decision from now on."""
    rows = [{"guild_id": guild_id, "card_id": card_id, "story_id": story_id, "matched": False} for card_id in card_ids]
    await connection.execute(insert(story_decisions), rows)


async def fetch_decided(connection: AsyncConnection, story_id: int) -> set[int]:
    """Return the ids of the cards of a decision, and of those that joined them later."""
    query = select(story_decisions.c.card_id).where(story_decisions.c.story_id == story_id)
    return set((await connection.execute(query)).scalars())


async def remove_decision(connection: AsyncConnection, story_id: int) -> set[int]:
    """Let the cards of a decision, and what joined them later, tell the stories of before. Returns their ids."""
    removing = delete(story_decisions).where(story_decisions.c.story_id == story_id)
    return set((await connection.execute(removing.returning(story_decisions.c.card_id))).scalars())


async def clear_matched(connection: AsyncConnection, card_ids: Collection[int], leaving: Collection[int]) -> None:
    """Take cards that have changed out of stories that they joined by themselves, where they have not been posted.

    Everybody's cards only if they are `leaving` their story by matching as well.
    """
    row = story_decisions.c
    posted = select(literal(1)).join_from(delivery_cards, deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
    posted = posted.where(delivery_cards.c.card_id == row.card_id, deliveries.c.guild_id == row.guild_id)
    followed = exists().where(server_cards.c.card_id == row.card_id, server_cards.c.guild_id == row.guild_id)
    changed = and_(row.matched, row.card_id.in_(card_ids), or_(row.card_id.in_(leaving), followed))
    await connection.execute(delete(story_decisions).where(changed, ~exists(posted.correlate(story_decisions))))


async def match_decisions(connection: AsyncConnection, card_ids: Sequence[int], shared_ids: Collection[int]) -> None:
    """Let new cards join the stories that moderators made, where the card that is most like them tells one.

    `card_ids` are told in this order, and their links are stored. Everybody's new ones are `shared_ids`; of the others
    those rows of servers are new that have no story yet.
    """
    if (await connection.execute(select(story_decisions.c.card_id).limit(1))).first() is None:
        return
    matcher = _Matcher(connection, shared_ids)
    for some in chunks(card_ids):
        await matcher.load_cards(some)
        for card_id in some:
            await matcher.match_card(card_id)


class _Matcher:
    def __init__(self, connection: AsyncConnection, shared_ids: Collection[int]) -> None:
        self._connection = connection
        self._shared_ids = frozenset(shared_ids)
        self._links: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._decided: defaultdict[int, dict[int, int]] = defaultdict(dict)
        """By card and server."""
        self._rows: dict[tuple[int, int], bool] = {}
        """By server and card, whether a row of a followed card has a story."""
        self._shared: set[int] = set()
        self._texts: dict[int, StoryCard] = {}

    async def load_cards(self, card_ids: Sequence[int]) -> None:
        """Load what tells where these cards belong."""
        link = story_links.c
        linked = select(link.card_id, link.other_id, link.similarity)
        linked = linked.where(link.card_id.in_(card_ids), link.similarity >= SAME_STORY)
        for card_id, other_id, similarity in await self._connection.execute(
            linked.order_by(link.similarity.desc(), link.other_id.desc())
        ):
            self._links[card_id].append((other_id, similarity))
        others = {other_id for card_id in card_ids for other_id, _ in self._links[card_id]}
        for some in chunks(sorted({*card_ids, *others})):
            await self._load_stories(some)
        self._texts |= await load_story_cards(self._connection, card_ids)

    async def _load_stories(self, card_ids: Sequence[int]) -> None:
        row = story_decisions.c
        latest = select(row.guild_id, row.card_id, func.max(row.story_id)).where(row.card_id.in_(card_ids))
        for guild_id, card_id, story_id in await self._connection.execute(latest.group_by(row.guild_id, row.card_id)):
            self._decided[card_id][guild_id] = story_id
        seen = select(cards.c.id).where(
            cards.c.id.in_(card_ids), is_shared(cards), cards.c.state != CardState.WITHDRAWN
        )
        self._shared |= set((await self._connection.execute(seen)).scalars())
        # Only servers with decisions, of which there are few: a feed may have followers in thousands.
        own = server_cards.c
        of_servers = select(own.guild_id, own.card_id, own.story_id.is_not(None)).where(
            own.card_id.in_(card_ids), own.guild_id.in_(select(row.guild_id))
        )
        of_servers = of_servers.join(cards, cards.c.id == own.card_id).where(cards.c.state == CardState.FOLLOWED)
        for guild_id, card_id, has_story in await self._connection.execute(of_servers):
            self._rows[guild_id, card_id] = has_story

    async def match_card(self, card_id: int) -> None:
        """Let a card join a decided story in each server where it is new."""
        guilds = {guild_id for other_id, _ in self._links[card_id] for guild_id in self._decided[other_id]}
        for guild_id in sorted(guilds - self._decided[card_id].keys()):
            is_new = card_id in self._shared_ids or self._rows.get((guild_id, card_id)) is False
            if is_new and (story_id := await self._find_story(guild_id, card_id)):
                values = {"guild_id": guild_id, "card_id": card_id, "story_id": story_id, "matched": True}
                await self._connection.execute(insert(story_decisions).values(values))
                self._decided[card_id][guild_id] = story_id

    async def _find_story(self, guild_id: int, card_id: int) -> int | None:
        """Return the decided story of the most similar card that the server sees; None if matching told that one's."""
        for other_id, similarity in self._links[card_id]:
            if other_id not in self._shared and (guild_id, other_id) not in self._rows:
                continue
            story_id = self._decided[other_id].get(guild_id)
            if story_id is None or similarity == SAME_ADDRESS:
                return story_id
            card = self._texts.get(card_id)
            if card and has_room(await _load_story(self._connection, guild_id, story_id), card):
                return story_id
        return None


async def _load_story(connection: AsyncConnection, guild_id: int, story_id: int) -> Story:
    member = cards.alias("member")
    columns = (member.c.id, member.c.published_at, story_texts.c.publisher, story_texts.c.title)
    story = Story()
    member_ids = union(*stories.select_members(guild_id, literal(-story_id, cards.c.id.type), member, member.c.id))
    query = select(*columns).select_from(member.outerjoin(story_texts, story_texts.c.card_id == member.c.id))
    for _, published_at, publisher, title in await connection.execute(query.where(member.c.id.in_(member_ids))):
        story.add_time(published_at)
        if title is not None:
            story.reports.append(Report(publisher, published_at, split_words(title)))
    return story
