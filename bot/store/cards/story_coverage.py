"""Count the publishers of stories, in each server among what it sees, and publish what waited for a second one.

Beside the plan of the cards that have changed, in batches: all cards of their stories are read at once, and servers
that see the same of them are counted once. Everybody's view has the row of server 0; a server has one of its own where
it sees other publishers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, delete, func, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, HeldReason, Provider
from bot.domain.heat import Coverage, count_publishers, read_coverage
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.store.cards import stories
from bot.store.cards.plan_scope import PlanScope
from bot.store.cards.visibility import IS_SHARED
from bot.store.column_parsers import UNUSABLE, parse_number
from bot.store.sql_helpers import PlainRow, chunks, insert_or_ignore, insert_plain
from bot.store.tables import cards, decisions, moment_from_microseconds, server_cards, story_coverage, story_decisions

_STALE_AT_ONCE = 2000
"""Maximum number of stories beside those of changed cards that are counted in one plan."""
_IS_ROW = cards.c.id == server_cards.c.card_id
_Guild = tuple[int, int]
"""(story id, guild id)"""


async def mark_stale(connection: AsyncConnection, story_ids: Select[Any] | Sequence[int]) -> None:
    """Have stories counted again that a card has left: the others have not changed themselves."""
    ids = (await connection.execute(story_ids)).scalars().all() if isinstance(story_ids, Select) else story_ids
    row = story_coverage.c
    for some in chunks(sorted(set(filter(parse_number, ids)))):
        new = [{"guild_id": EVERYWHERE, "story_id": each, "publishers": 1, "is_stale": True} for each in some]
        await connection.execute(insert_or_ignore(story_coverage), new)
        known = update(story_coverage).where(row.guild_id == EVERYWHERE, row.story_id.in_(some))
        await connection.execute(known.values(is_stale=True))


async def refresh_coverage(connection: AsyncConnection, scope: PlanScope, now: datetime) -> list[int]:
    """Count the publishers of the stories that have changed, and publish the cards that waited for a second one.

    Returns the ids of stories that have another number than before, in any server.
    """
    changed: list[int] = []
    for some in chunks(await _find_changed(connection, scope, now)):
        views = _StoryViews(scope)
        await views.load(connection, some)
        await _publish_covered(connection, views, now)
        changed += await _save_counts(connection, views, some)
    return changed


def _select_changed(scope: PlanScope) -> CompoundSelect[Any]:
    """Select the ids of the stories of what has changed, and of those that are stale."""
    shared = select(stories.story_id_of(cards)).where(cards.c.id.in_(scope.select_changed_ids()))
    rows = select(server_cards.c.story_id).join_from(server_cards, cards, _IS_ROW).where(scope.needs_planning_here)
    decided = select(-story_decisions.c.story_id).where(
        story_decisions.c.card_id.in_(scope.select_changed_ids()), scope.covers(story_decisions.c.guild_id)
    )
    # Also in a plan for one server: what a decision leaves behind in a story has not changed itself.
    stale = select(story_coverage.c.story_id).where(story_coverage.c.is_stale).limit(_STALE_AT_ONCE)
    return union(shared, rows, decided, select(stale.subquery()))


async def _find_changed(connection: AsyncConnection, scope: PlanScope, now: datetime) -> list[int]:
    """Return the ids of stories that may have another number of publishers: most have one card, and are left out."""
    changed = await connection.execute(scope.build(_select_changed), scope.values(now, timedelta()))
    ids = sorted({each for each in changed.scalars() if parse_number(each)})
    found: set[int] = set()
    for some in chunks(ids):
        # A story of one card has no row: one publisher is what is assumed without.
        several = union(
            select(cards.c.story_id).where(cards.c.story_id.in_(some), cards.c.id != cards.c.story_id),
            select(server_cards.c.story_id).where(
                server_cards.c.story_id.in_(some), server_cards.c.card_id != server_cards.c.story_id
            ),
            select(story_coverage.c.story_id).where(story_coverage.c.story_id.in_(some)),
            select(-story_decisions.c.story_id).where(story_decisions.c.story_id.in_([-each for each in some])),
        )
        found.update(each for each in (await connection.execute(several)).scalars() if parse_number(each))
    return sorted(found)


@dataclass(slots=True)
class _StoryView:
    """What one server has of a story: the ids of visible cards, and of those that wait for a second publisher."""

    visible: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    reviewed: set[int] = field(default_factory=set)
    """Cards that wait for a moderator: they cover those that wait for a second publisher."""

    def add_row(self, card_id: int, state: str, held_reason: str | None, published: bool | None) -> None:
        """Add a card of a feed; `published` is what the server decided on it."""
        if published is False:
            return
        if published or state == CardState.PUBLISHED:
            self.visible.add(card_id)
        elif held_reason == HeldReason.UNCOVERED:
            self.waiting.add(card_id)
        else:
            self.reviewed.add(card_id)


class _StoryViews:
    """What each server in a scope sees of some stories."""

    def __init__(self, scope: PlanScope) -> None:
        self._scope = scope
        self._coverage: dict[int, Coverage] = {}
        self._counts: dict[frozenset[int], int] = {}
        self.by_guild: dict[_Guild, _StoryView] = {}

    async def load(self, connection: AsyncConnection, story_ids: Sequence[int]) -> None:
        """Load the views of servers that see anything else than everybody does, and that of everybody."""
        decided = await self._load_decided(connection, story_ids)
        moved = {card_id for card_id, _ in decided}
        shared = await self._load_shared(connection, story_ids, moved)
        rows = await self._load_rows(connection, story_ids, moved)
        verdicts = await self._load_verdicts(connection, [*self._coverage])
        told = [(decided.get((row.card_id, row.guild_id), row.story_id), row) for row in rows]
        keys = [(story_id, EVERYWHERE) for story_id in story_ids]
        keys += [(story_id, row.guild_id) for story_id, row in told]
        keys += [(shared[card_id][0], guild_id) for card_id, guild_id in (*verdicts, *decided) if card_id in shared]
        keys += [(story_id, guild_id) for (_, guild_id), story_id in decided.items()]
        counted = frozenset(story_ids)
        self.by_guild = {key: _StoryView() for key in keys if key[0] in counted}
        self._add_shared(shared, verdicts, decided)
        for story_id, row in told:
            if view := self.by_guild.get((story_id, row.guild_id)):
                view.add_row(row.card_id, row.state, row.held_reason, verdicts.get((row.card_id, row.guild_id)))

    def _add_shared(
        self,
        shared: Mapping[int, tuple[int, bool]],
        verdicts: Mapping[tuple[int, int], bool],
        decided: Mapping[tuple[int, int], int],
    ) -> None:
        members: defaultdict[int, list[tuple[int, bool]]] = defaultdict(list)
        for card_id, (story_id, is_published) in shared.items():
            members[story_id].append((card_id, is_published))
        for (story_id, guild_id), view in self.by_guild.items():
            own = [each for each in members[story_id] if (each[0], guild_id) not in decided]
            own += [
                (card_id, shared[card_id][1])
                for (card_id, server), told in decided.items()
                if told == story_id and server == guild_id and card_id in shared
            ]
            view.visible |= {each for each, published in own if verdicts.get((each, guild_id), published)}

    async def _load_decided(self, connection: AsyncConnection, story_ids: Sequence[int]) -> dict[tuple[int, int], int]:
        """Load the stories that moderators gave cards which tell, or told, one of these: by card and server."""
        row = story_decisions.c
        # Most stores have no decisions: one look spares them the query below.
        if (await connection.execute(select(row.card_id).limit(1))).first() is None:
            return {}
        telling = union(
            select(cards.c.id).where(cards.c.story_id.in_(story_ids)),
            select(server_cards.c.card_id).where(server_cards.c.story_id.in_(story_ids)),
            select(row.card_id).where(row.story_id.in_([-each for each in story_ids])),
        )
        latest = select(row.card_id, row.guild_id, -func.max(row.story_id)).where(
            row.card_id.in_(telling), self._scope.covers(row.guild_id)
        )
        found = await connection.execute(latest.group_by(row.card_id, row.guild_id))
        return {(card_id, guild_id): story_id for card_id, guild_id, story_id in found}

    async def _load_shared(
        self, connection: AsyncConnection, story_ids: Sequence[int], moved: Collection[int]
    ) -> dict[int, tuple[int, bool]]:
        """Load everybody's cards of the stories, and those moved: by id the matched story, and if it is published."""
        query = select(cards.c.id, stories.story_id_of(cards), cards.c.state, cards.c.details).where(
            or_(cards.c.story_id.in_(story_ids), cards.c.id.in_(moved)), IS_SHARED, cards.c.state != CardState.WITHDRAWN
        )
        found: dict[int, tuple[int, bool]] = {}
        for card_id, story_id, state, details in await connection.execute(query):
            found[card_id] = story_id, state == CardState.PUBLISHED
            self._coverage[card_id] = _parse_coverage(details)
        return found

    async def _load_rows(
        self, connection: AsyncConnection, story_ids: Sequence[int], moved: Collection[int]
    ) -> Sequence[Any]:
        """Load the rows of followed cards, and what those cards say."""
        row = server_cards.c
        query = (
            select(row.story_id, row.guild_id, row.card_id, row.state, row.held_reason)
            .join_from(server_cards, cards, _IS_ROW)
            .where(or_(row.story_id.in_(story_ids), row.card_id.in_(moved)), self._scope.covers(row.guild_id))
            .where(~IS_SHARED, cards.c.state != CardState.WITHDRAWN)
        )
        rows = (await connection.execute(query)).all()
        for some in chunks(sorted({each.card_id for each in rows})):
            details = select(cards.c.id, cards.c.details).where(cards.c.id.in_(some))
            for card_id, stored in await connection.execute(details):
                self._coverage[card_id] = _parse_coverage(stored)
        return rows

    async def _load_verdicts(self, connection: AsyncConnection, card_ids: Sequence[int]) -> dict[tuple[int, int], bool]:
        """Load what servers decided: by card and server, whether they publish it."""
        row = decisions.c
        found: dict[tuple[int, int], bool] = {}
        for some in chunks(card_ids):
            query = select(row.card_id, row.guild_id, row.verdict).where(
                row.card_id.in_(some), row.guild_id != EVERYWHERE, self._scope.covers(row.guild_id)
            )
            for card_id, guild_id, verdict in await connection.execute(query):
                found[card_id, guild_id] = verdict == Verdict.PUBLISH
        return found

    def count_publishers(self, card_ids: Iterable[int]) -> int:
        """Return the number of publishers of these cards."""
        key = frozenset(card_ids)
        if key not in self._counts:
            self._counts[key] = count_publishers(self._coverage[card_id] for card_id in sorted(key))
        return self._counts[key]

    def count_all(self) -> defaultdict[int, dict[int, int]]:
        """Return the numbers to store, by story and server: where they are not what is assumed without a row."""
        found: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for (story_id, guild_id), view in self.by_guild.items():
            publishers = max(self.count_publishers(view.visible), 1)
            if self._scope.guild_id != EVERYWHERE:
                # Everybody's row may be outdated, and is counted with the next plan of everything.
                is_assumed = guild_id != self._scope.guild_id
            elif guild_id == EVERYWHERE:
                is_assumed = publishers == 1
            else:
                everybodys = self.by_guild[story_id, EVERYWHERE].visible
                is_assumed = publishers == max(self.count_publishers(everybodys), 1)
            if not is_assumed:
                found[story_id][guild_id] = publishers
        return found

    def includes(self, guild_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether these are the views of a server, or everybody's."""
        return self._scope.covers(guild_id)

    def find_covered(self, view: _StoryView) -> list[int]:
        """Return the cards that waited for a second publisher and have one."""
        known = view.visible | view.waiting | view.reviewed
        if not view.waiting or self.count_publishers(known) < _COVERED:
            return []
        return [each for each in sorted(view.waiting) if self._coverage[each].publisher]


_COVERED = 2
"""Publishers of a story from which it counts as covered."""


def _parse_coverage(details: Any) -> Coverage:
    """Parse what a card adds to the coverage of its story from the column `details`."""
    try:
        provider = Provider(**details["provider"]) if details.get("provider") else None
        card = Card("", "", _ANY_TIME, excerpt=details.get("excerpt", ""), url=details.get("url"), provider=provider)
        return read_coverage(card)
    except UNUSABLE:
        return Coverage(frozenset())


_ANY_TIME = moment_from_microseconds(0)


async def _publish_covered(connection: AsyncConnection, views: _StoryViews, now: datetime) -> None:
    """Publish what waited for a second publisher where its story has one, for good."""
    covered: defaultdict[int, list[int]] = defaultdict(list)
    # The views follow, so that the counts saved next include what has just come out.
    for (_, guild_id), view in views.by_guild.items():
        found = views.find_covered(view)
        covered[guild_id] += found
        view.waiting.difference_update(found)
        view.visible.update(found)
    values = {"state": CardState.PUBLISHED, "held_reason": None, "arrived_at": now, "needs_planning": True}
    for guild_id, card_ids in covered.items():
        for some in chunks(card_ids):
            rows = (server_cards.c.guild_id == guild_id) & server_cards.c.card_id.in_(some)
            await connection.execute(update(server_cards).where(rows).values(values))


async def _save_counts(connection: AsyncConnection, views: _StoryViews, story_ids: Sequence[int]) -> list[int]:
    """Store the numbers; return the ids of the stories of which one has changed."""
    row, here = story_coverage.c, story_coverage.c.story_id.in_(story_ids)
    stored: defaultdict[int, dict[int, int]] = defaultdict(dict)
    stale: set[int] = set()
    query = select(row.story_id, row.guild_id, row.publishers, row.is_stale).where(here, views.includes(row.guild_id))
    for story_id, guild_id, publishers, is_stale in await connection.execute(query):
        stored[story_id][guild_id] = publishers
        stale |= {story_id} if is_stale else set()
    counted = views.count_all()
    changed = [story_id for story_id in story_ids if counted[story_id] != stored[story_id]]
    # Stale rows are written again although their number is the same: that takes the mark off.
    rewritten = sorted({*changed, *stale})
    rows: list[PlainRow] = [
        {"guild_id": guild_id, "story_id": story_id, "publishers": publishers}
        for story_id in rewritten
        for guild_id, publishers in counted[story_id].items()
    ]
    await connection.execute(delete(story_coverage).where(row.story_id.in_(rewritten), views.includes(row.guild_id)))
    await insert_plain(connection, story_coverage, rows)
    return changed
