"""What servers are to be notified of about the feeds that they follow: trouble, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.feed_schedule import FAILURES_TO_REPORT
from bot.i18n import ENGLISH
from bot.store.database import Database
from bot.store.tables import feeds, follows, guild_settings


@dataclass(frozen=True, slots=True)
class FeedNotice:
    """A feed's trouble, or its end: then `problem` is empty. `name` is the feed's title, or its host."""

    guild_id: int
    source_id: int
    name: str
    problem: str
    is_stopped: bool
    created_by: int
    """Who followed the feed."""
    language: str
    review_channel_id: int | None


class FeedNotices:
    """Queries for trouble of followed feeds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_unsent(self) -> list[FeedNotice]:
        """List what servers have not been notified of, by server.

        A paused follow gets no new trouble. The end of it goes only to servers that were notified of the trouble.
        """
        is_stopped = feeds.c.next_fetch_at.is_(None)
        has_trouble = (feeds.c.problem != "") & or_(feeds.c.failures >= FAILURES_TO_REPORT, is_stopped)
        # A feed that starts over has no problem either, but was not fetched yet.
        works = (feeds.c.problem == "") & feeds.c.fetched_at.is_not(None)
        query = (
            select(
                follows.c.guild_id, follows.c.source_id, func.coalesce(func.nullif(feeds.c.title, ""), feeds.c.host),
                feeds.c.problem, is_stopped, follows.c.created_by, func.coalesce(guild_settings.c.language, ENGLISH),
                guild_settings.c.review_channel_id,
            )
            .join_from(follows, feeds, feeds.c.source_id == follows.c.source_id)
            .outerjoin(guild_settings, guild_settings.c.guild_id == follows.c.guild_id)
            .where(
                feeds.c.paused_at.is_(None),
                or_(
                    and_(~follows.c.trouble_notified, ~follows.c.paused, has_trouble),
                    and_(follows.c.trouble_notified, works),
                ),
            )
            .order_by(follows.c.guild_id, follows.c.source_id)
        )  # fmt: skip
        async with self._database.begin_autocommit() as connection:
            return [FeedNotice(*row) for row in await connection.execute(query)]

    async def renew_trouble(self, connection: AsyncConnection, stopped: Sequence[int]) -> None:
        """Let servers be notified again of feeds that are about to be stopped, also if they know of the trouble."""
        running = select(feeds.c.source_id).where(feeds.c.source_id.in_(stopped), feeds.c.next_fetch_at.is_not(None))
        here = follows.c.source_id.in_(running) & follows.c.trouble_notified
        await connection.execute(update(follows).where(here).values(trouble_notified=False))

    async def mark_sent(self, notices: Sequence[FeedNotice]) -> None:
        """Record that a server was notified; all notices are of the same one."""
        trouble = [notice.source_id for notice in notices if notice.problem]
        ids = [notice.source_id for notice in notices]
        here = (follows.c.guild_id == notices[0].guild_id) & follows.c.source_id.in_(ids)
        statement = update(follows).where(here).values(trouble_notified=follows.c.source_id.in_(trouble))
        await self._database.write_shared(lambda connection: connection.execute(statement))
