"""Links that people submit: the cards that they become, and who is yet to be told."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, ParseResult, SourceItem, SourceKind
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.store.cards.batch_writer import BatchWriter
from bot.store.cards.import_batch import SourceBatch
from bot.store.cards.server_cards import add_arrivals, mark_unplanned
from bot.store.cards.visibility import is_known_to, is_visible_to, verdict_of
from bot.store.database import Database
from bot.store.moderation.audit_log import AuditEntry
from bot.store.moderation.decisions import write_decision
from bot.store.moderation.submission_limit import count_recent, delete_old_times
from bot.store.sources.server_sources import add_source, find_source
from bot.store.sql_helpers import insert_or_ignore
from bot.store.tables import card_aliases, cards, server_cards, submissions

_NOTICES = 100
"""Maximum notices per look."""


class KnownState(enum.IntEnum):
    """What a server has of an address, the most useful first."""

    VISIBLE = 0
    HELD = 1
    WITHDRAWN = 2


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A card that the server has of an address."""

    id: int
    state: KnownState


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A link that somebody submits in a server. `publishes`: as a moderator, whom no limit concerns.

    `urls` are its normalised addresses. If the server has a held card of one of them, that one is submitted instead of
    `card`, which is None if the person has seen that one.
    """

    guild_id: int
    user_id: int
    urls: tuple[str, ...]
    card: Card | None
    at: datetime
    comment: str = ""
    publishes: bool = False


class SubmissionResult(enum.Enum):
    """What became of a submission."""

    PUBLISHED = "published"
    HELD = "held"
    KNOWN = "known"
    """Nothing was stored: the server sees a card of this address."""
    WITHDRAWN = "withdrawn"
    """Nothing was stored: its card is withdrawn, by its source or in this server."""
    REPEATED = "repeated"
    """The person has submitted it before, and it waits."""
    TOO_MANY = "too many"
    GONE = "gone"
    """The card that the person has seen is not there any more."""


@dataclass(frozen=True, slots=True)
class SubmissionOutcome:
    """A result with the card, and the audit entry of its publication."""

    result: SubmissionResult
    card_id: int = 0
    entry: AuditEntry | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """Who submitted a card, and with which words for the moderators."""

    user_id: int
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SubmissionNotice:
    """A decision that a member is to be told of, in this language."""

    guild_id: int
    card_id: int
    user_id: int
    language: str
    is_published: bool


class Submissions:
    """Submissions, by server and card."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_recent(self, guild_id: int, user_id: int, now: datetime) -> int:
        """Return how many links somebody submitted in a server within the last hour."""
        async with self._database.begin_read() as connection:
            return await count_recent(connection, guild_id, user_id, now)

    async def delete_old(self, now: datetime) -> None:
        """Delete what is kept for the limit of erased submissions, and has no use any more."""
        async with self._database.begin_write() as connection:
            await delete_old_times(connection, now)

    async def count_weekly(self, now: datetime) -> int:
        """Return how many links were submitted in all servers within the last seven days."""
        query = select(func.count()).select_from(submissions).where(submissions.c.at > now - timedelta(days=7))
        async with self._database.begin_autocommit() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def find_known(self, guild_id: int, urls: Collection[str]) -> KnownCard | None:
        """Find a card that the server has of one of these addresses (as of `bot.cards.urls.normalize_url`)."""
        async with self._database.begin_read() as connection:
            return await _find_known(connection, guild_id, urls)

    async def submit_link(self, new: NewSubmission, per_hour: int) -> SubmissionOutcome:
        """Store a submission with its card; a moderator's is published. `per_hour` is the limit for members.

        All in one transaction: of two people with one link, or two clicks at the limit, one is the second.
        """
        async with self._database.begin_write() as connection:
            known = await _find_known(connection, new.guild_id, new.urls)
            if known and known.state is not KnownState.HELD:
                return SubmissionOutcome(_AS_KNOWN[known.state], known.id)
            if not new.publishes:
                if known and await _was_submitted(connection, new, known.id):
                    return SubmissionOutcome(SubmissionResult.REPEATED, known.id)
                if await count_recent(connection, new.guild_id, new.user_id, new.at) >= per_hour:
                    return SubmissionOutcome(SubmissionResult.TOO_MANY)
            if known:
                card_id = known.id
            elif new.card:
                card_id = await _import_link(connection, new.guild_id, new.card, new.at)
            else:
                return SubmissionOutcome(SubmissionResult.GONE)
            await _insert_submission(connection, new, card_id)
            return await _publish(connection, new, card_id) if new.publishes else _hold(card_id)

    async def list_for_cards(self, guild_id: int, card_ids: Collection[int]) -> dict[int, list[Submission]]:
        """Return who submitted these cards in a server, by card, oldest first."""
        row = submissions.c
        query = select(row.card_id, row.user_id, row.comment, row.at).where(
            row.guild_id == guild_id, row.card_id.in_(card_ids)
        )
        found: dict[int, list[Submission]] = {}
        async with self._database.begin_autocommit() as connection:
            for card_id, *values in await connection.execute(query.order_by(row.at, row.user_id)):
                found.setdefault(card_id, []).append(Submission(*values))
        return found

    async def request_notice(self, guild_id: int, card_id: int, user_id: int, language: str) -> bool:
        """Note that somebody is to be told what is decided on their submission; False if there is none."""
        change = update(submissions).where(_is_submission(guild_id, card_id, user_id)).values(notice_language=language)
        changed = await self._database.write_shared(lambda connection: connection.execute(change))
        return bool(changed.rowcount)

    async def fetch_notices(self) -> list[SubmissionNotice]:
        """Return decisions that their submitters are yet to be told of."""
        row = submissions.c
        visible, verdict = is_visible_to(row.guild_id), verdict_of(row.guild_id)
        decided = or_(visible, verdict == Verdict.WITHDRAW, cards.c.state == CardState.WITHDRAWN)
        query = select(row.guild_id, row.card_id, row.user_id, row.notice_language, visible)
        query = query.join_from(submissions, cards).where(row.notice_language.is_not(None), decided)
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(query.order_by(row.at).limit(_NOTICES))
            return [SubmissionNotice(*values) for values in rows]

    async def mark_notified(self, notice: SubmissionNotice) -> None:
        """Note that a member was told; later decisions on the card are not told any more."""
        told = _is_submission(notice.guild_id, notice.card_id, notice.user_id)
        change = update(submissions).where(told).values(notice_language=None)
        await self._database.write_shared(lambda connection: connection.execute(change))


_AS_KNOWN = {KnownState.VISIBLE: SubmissionResult.KNOWN, KnownState.WITHDRAWN: SubmissionResult.WITHDRAWN}


async def _find_known(connection: AsyncConnection, guild_id: int, urls: Collection[str]) -> KnownCard | None:
    named = select(card_aliases.c.card_id).where(card_aliases.c.url.in_(urls))
    is_withdrawn = or_(cards.c.state == CardState.WITHDRAWN, verdict_of(guild_id) == Verdict.WITHDRAW)
    state = case(
        (is_visible_to(guild_id), KnownState.VISIBLE.value),
        (is_withdrawn, KnownState.WITHDRAWN.value),
        else_=KnownState.HELD.value,
    )
    # A card whose file is gone was tidied away, which says nothing against its link.
    query = select(cards.c.id, state.label("known")).where(
        cards.c.id.in_(named), is_known_to(guild_id), ~cards.c.file_missing, ~cards.c.scheduled
    )
    row = (await connection.execute(query.order_by("known", cards.c.sort_key.desc()).limit(1))).first()
    return KnownCard(row[0], KnownState(row[1])) if row else None


async def _was_submitted(connection: AsyncConnection, new: NewSubmission, card_id: int) -> bool:
    query = select(submissions.c.at).where(_is_submission(new.guild_id, card_id, new.user_id))
    return (await connection.execute(query)).first() is not None


async def _import_link(connection: AsyncConnection, guild_id: int, card: Card, now: datetime) -> int:
    """Store the card of a link in the source that the server's links have."""
    found = await find_source(connection, SourceKind.LINKS, str(guild_id))
    source_id = found[0] if found else await add_source(connection, SourceKind.LINKS, str(guild_id), guild_id, now)
    item = SourceItem(card.slug.rpartition("/")[2], "")
    writer = BatchWriter(connection, now, withdraw=True, vanished=frozenset())
    await writer.write_batch([SourceBatch(source_id, [(item, ParseResult(card))])])
    stored = select(cards.c.id).where(cards.c.slug == card.slug)
    card_id = int((await connection.execute(stored)).scalar_one())
    # A card that the schedule has taken from the server comes back as it is, and is then no arrival to the writer.
    await add_arrivals(connection, [card_id], now)
    return card_id


async def _insert_submission(connection: AsyncConnection, new: NewSubmission, card_id: int) -> None:
    row = {"guild_id": new.guild_id, "card_id": card_id, "user_id": new.user_id}
    values = row | {"comment": new.comment, "at": new.at}
    await connection.execute(insert_or_ignore(submissions), [values])
    # What a feed held before is shown to no moderator by itself; this is asked for.
    here = (server_cards.c.guild_id == new.guild_id) & (server_cards.c.card_id == card_id)
    await connection.execute(update(server_cards).where(here).values(is_backlog=False))
    await mark_unplanned(connection, [card_id], new.guild_id)


async def _publish(connection: AsyncConnection, new: NewSubmission, card_id: int) -> SubmissionOutcome:
    decision = Decision(new.guild_id, card_id, Verdict.PUBLISH, new.user_id, new.at)
    outcome = await write_decision(connection, decision, source=DecisionSource.BUTTON, expected=None)
    return SubmissionOutcome(SubmissionResult.PUBLISHED, card_id, outcome.entry)


def _hold(card_id: int) -> SubmissionOutcome:
    return SubmissionOutcome(SubmissionResult.HELD, card_id)


def _is_submission(guild_id: int, card_id: int, user_id: int) -> ColumnElement[bool]:
    row = submissions.c
    return (row.guild_id == guild_id) & (row.card_id == card_id) & (row.user_id == user_id)
