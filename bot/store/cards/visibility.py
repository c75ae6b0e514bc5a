"""Card visibility as SQL expressions, shared by all queries (in Python: `bot.domain.moderation`).

All refer to the enclosing query's row of `cards`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Text,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast

from bot.cards.model import CardState
from bot.domain.delivery import REVISION_MARK
from bot.domain.moderation import EVERYWHERE
from bot.store.tables import audit_log, cards, decisions, reports, server_cards, sources, topic_overrides

Guild = ColumnElement[int] | int

# Written out in the SQL, as a literal: SQLite only uses a partial index for the expression of its definition.
IS_SHARED: ColumnElement[bool] = cards.c.state != literal_column(f"'{CardState.FOLLOWED}'")
"""Whether the card's state is the same for all servers; false for a card of a followed source."""


def verdict_of(guild_id: Guild) -> ScalarSelect[Any]:
    """The server's decision on the card; null if there is none."""
    return _decision_column(decisions.c.verdict, guild_id)


def _decision_column(condition: ColumnElement[Any], guild_id: Guild) -> ScalarSelect[Any]:
    return (
        select(condition)
        # Only `decisions` is of this subquery: the card, and the server if it is a column, are of the enclosing query.
        .where(decisions.c.guild_id == guild_id, decisions.c.card_id == cards.c.id)
        .correlate_except(decisions)
        .scalar_subquery()
    )


def is_visible_to(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the card is visible in the server. Guild 0 stands for no server: only global state counts."""
    # Compare inside the subquery: PostgreSQL estimates a boolean at 50%, but a comparison of the subquery's result as
    # rarely true, and then scans every card.
    decided = _decision_column(decisions.c.verdict == CardState.PUBLISHED, guild_id)
    published_here = _row_column(server_cards.c.state == CardState.PUBLISHED, guild_id)
    # Without a row a decision shows nothing: the server no longer follows the source.
    in_row = case((published_here.is_(None), False), else_=func.coalesce(decided, published_here))
    shared = func.coalesce(decided, cards.c.state == CardState.PUBLISHED)
    return (cards.c.state != CardState.WITHDRAWN) & case((IS_SHARED, shared), else_=in_row)


def is_known_to(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the server's moderators may see the card at all, visible or not: it is everybody's or has a row there.

    Asks for the source, since the state of a withdrawn card does not tell whose it was.
    """
    of_source = select(sources.c.is_shared).where(sources.c.id == cards.c.source_id).correlate(cards)
    return func.coalesce(of_source.scalar_subquery(), True) | has_row(guild_id)


def has_row(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the card has arrived in the server from a source that the server follows."""
    return exists(_row_query(literal(1), guild_id))


def state_in(guild_id: Guild) -> ColumnElement[str]:
    """The card's state in the server before its decision; `CardState.FOLLOWED` if it is none of the server's."""
    here = func.coalesce(_row_column(server_cards.c.state, guild_id), cards.c.state)
    return case((IS_SHARED, cards.c.state), else_=here)


def row_value(column: ColumnElement[Any], of_card: ColumnElement[Any], guild_id: Guild) -> ColumnElement[Any]:
    """What the server's row says in this column if the card is of a followed source, else the card's own value."""
    return case((IS_SHARED, of_card), else_=_row_column(column, guild_id))


def _row_column(column: ColumnElement[Any], guild_id: Guild) -> ScalarSelect[Any]:
    return _row_query(column, guild_id).scalar_subquery()


def _row_query(column: ColumnElement[Any], guild_id: Guild) -> Select[Any]:
    query = select(column).where(server_cards.c.guild_id == guild_id, server_cards.c.card_id == cards.c.id)
    return query.select_from(server_cards).correlate_except(server_cards)


def own_topics_of(guild_id: Guild) -> ScalarSelect[Any]:
    """The server's topic override for the card; null if there is none."""
    return _topic_edit(topic_overrides.c.topics, guild_id)


def visible_revision(guild_id: Guild) -> ColumnElement[str]:
    """The card's revision as the server sees it (`bot.domain.delivery.CardRevision`)."""
    edited = literal(REVISION_MARK).concat(sql_cast(_topic_edit(topic_overrides.c.audit_id, guild_id), Text))
    return cards.c.revision.concat(func.coalesce(edited, ""))


def _topic_edit(column: ColumnElement[Any], guild_id: Guild) -> ScalarSelect[Any]:
    return (
        select(column)
        .where(topic_overrides.c.guild_id == guild_id, topic_overrides.c.card_id == cards.c.id)
        .correlate_except(topic_overrides)
        .scalar_subquery()
    )


def is_open_report(guild_id: Guild, card_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Whether the row of `reports` is about this card, and the server has not decided on the card since."""
    decided_at = (
        select(decisions.c.decided_at)
        .where(decisions.c.guild_id == guild_id, decisions.c.card_id == card_id)
        .correlate_except(decisions)
        .scalar_subquery()
    )
    about_card = (reports.c.guild_id == guild_id) & (reports.c.card_id == card_id)
    return about_card & or_(decided_at.is_(None), reports.c.at > decided_at)


def count_open_reports(guild_id: Guild) -> ScalarSelect[Any]:
    """The number of reports of the card since the server's last decision on it."""
    query = select(func.count()).select_from(reports).where(is_open_report(guild_id, cards.c.id))
    return query.correlate_except(reports).scalar_subquery()


def last_entry_id(guild_id: Guild) -> ScalarSelect[Any]:
    """The id of the last audit entry about the card for this server or for all; null if there is none."""
    return (
        select(func.max(audit_log.c.id))
        .where(audit_log.c.card_id == cards.c.id, audit_log.c.guild_id.in_((guild_id, EVERYWHERE)))
        .correlate_except(audit_log)
        .scalar_subquery()
    )


def was_ever_decided(guild_id: Guild) -> ColumnElement[bool]:
    """Whether anybody ever decided on the card for the server, including decisions that were undone."""
    about = (audit_log.c.card_id == cards.c.id) & audit_log.c.guild_id.in_((guild_id, EVERYWHERE))
    query = select(audit_log.c.id).where(about, audit_log.c.subject == "verdict")
    return exists(query.correlate_except(audit_log))


def is_undecided(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the card is held and waiting for the server's decision; for a followed card, unless it is backlog."""
    waits = exists(
        _row_query(literal(1), guild_id).where(server_cards.c.state == CardState.HELD, ~server_cards.c.is_backlog)
    )
    return or_(cards.c.state == CardState.HELD, ~IS_SHARED & waits) & verdict_of(guild_id).is_(None)
