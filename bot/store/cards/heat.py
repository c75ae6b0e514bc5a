"""Publishers of a card's story, and the card's heat, as SQL expressions (in Python: `bot.domain.heat`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from bot.domain.heat import HEAT_PER_PUBLISHER
from bot.domain.moderation import EVERYWHERE
from bot.store.cards.stories import story_id_in
from bot.store.cards.visibility import Guild, row_value
from bot.store.tables import cards, server_cards, story_coverage


def count_publishers_of(story_id: ColumnElement[Any], guild_id: Guild) -> ColumnElement[int]:
    """The number of publishers of a story among what the server sees, at least 1."""

    def count_in(server: Guild) -> ColumnElement[Any]:
        row = story_coverage.c
        query = select(row.publishers).where(row.guild_id == server, row.story_id == story_id)
        return query.correlate_except(story_coverage).scalar_subquery()

    # A server has a row where it does not see the same publishers as everybody.
    own = [] if isinstance(guild_id, int) and guild_id == EVERYWHERE else [count_in(guild_id)]
    return func.coalesce(*own, count_in(EVERYWHERE), 1)


def publishers_in(guild_id: Guild) -> ColumnElement[int]:
    """The number of publishers of the story of the enclosing query's row of `cards` in a server."""
    return count_publishers_of(story_id_in(guild_id, cards), guild_id)


def heat_of(
    given: ColumnElement[Any], quality: ColumnElement[Any], publishers: ColumnElement[int]
) -> ColumnElement[Any]:
    """The heat of a card; null if nothing is known of it. Nothing is looked up for a card that has one by its file."""
    others = publishers - 1
    counted = func.coalesce(quality, 0) + HEAT_PER_PUBLISHER * others
    return func.coalesce(given, case((others > 0, counted), else_=quality))


def heat_in(guild_id: Guild) -> ColumnElement[Any]:
    """The heat of the enclosing query's row of `cards` in a server."""
    quality = row_value(server_cards.c.quality, cards.c.quality, guild_id)
    return heat_of(cards.c.heat, quality, publishers_in(guild_id))
