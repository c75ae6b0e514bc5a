"""Card visibility as SQL expressions, shared by all queries (in Python: `bot.domain.moderation`).

All refer to the enclosing query's row of `cards`, or of the alias of it that they are given.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from bot.cards.model import CardState
from bot.domain.moderation import EVERYWHERE
from bot.store.tables import (
    audit_log,
    card_edit_topics,
    card_edits,
    cards,
    decisions,
    reports,
    server_cards,
    sources,
    submissions,
)

Guild = ColumnElement[int] | int


def is_shared(card: FromClause) -> ColumnElement[bool]:
    """Whether the card's state is the same for all servers; false for a card of a followed source."""
    # Written out in the SQL, as a literal: SQLite only uses a partial index for the expression of its definition.
    return card.c.state != literal_column(f"'{CardState.FOLLOWED}'")


IS_SHARED: ColumnElement[bool] = is_shared(cards)


def verdict_of(guild_id: Guild) -> ScalarSelect[Any]:
    """The server's decision on the card; null if there is none."""
    return _decision_column(decisions.c.verdict, guild_id)


def _decision_column(condition: ColumnElement[Any], guild_id: Guild, card: FromClause = cards) -> ScalarSelect[Any]:
    return (
        select(condition)
        # Only `decisions` is of this subquery: the card, and the server if it is a column, are of the enclosing query.
        .where(decisions.c.guild_id == guild_id, decisions.c.card_id == card.c.id)
        .correlate_except(decisions)
        .scalar_subquery()
    )


def is_visible_to(guild_id: Guild, card: FromClause = cards) -> ColumnElement[bool]:
    """Whether the card is visible in the server. Guild 0 stands for no server: only global state counts."""
    # Compare inside the subquery: PostgreSQL estimates a boolean at 50%, but a comparison of the subquery's result as
    # rarely true, and then scans every card.
    decided = _decision_column(decisions.c.verdict == CardState.PUBLISHED, guild_id, card)
    published_here = _row_column(server_cards.c.state == CardState.PUBLISHED, guild_id, card)
    # Without a row a decision shows nothing: the server no longer follows the source.
    in_row = case((published_here.is_(None), False), else_=func.coalesce(decided, published_here))
    shared = func.coalesce(decided, card.c.state == CardState.PUBLISHED)
    return (card.c.state != CardState.WITHDRAWN) & case((is_shared(card), shared), else_=in_row)


def is_known_to(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the server's moderators may see the card at all, visible or not: it is everybody's or has a row there.

    Asks for the source, since the state of a withdrawn card does not tell whose it was.
    """
    of_source = select(sources.c.is_shared).where(sources.c.id == cards.c.source_id).correlate(cards)
    return func.coalesce(of_source.scalar_subquery(), True) | has_row(guild_id)


def source_kind() -> ScalarSelect[Any]:
    """The kind of the source that the card belongs to; null before the first load since sources are recorded."""
    return select(sources.c.kind).where(sources.c.id == cards.c.source_id).correlate_except(sources).scalar_subquery()


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


def _row_column(column: ColumnElement[Any], guild_id: Guild, card: FromClause = cards) -> ScalarSelect[Any]:
    return _row_query(column, guild_id, card).scalar_subquery()


def _row_query(column: ColumnElement[Any], guild_id: Guild, card: FromClause = cards) -> Select[Any]:
    query = select(column).where(server_cards.c.guild_id == guild_id, server_cards.c.card_id == card.c.id)
    return query.select_from(server_cards).correlate_except(server_cards)


def edit_of(column: ColumnElement[Any], guild_id: Guild) -> ScalarSelect[Any]:
    """What the server's row of `card_edits` says of the card in this column; null if the server has not edited it."""
    here = (card_edits.c.guild_id == guild_id) & (card_edits.c.card_id == cards.c.id)
    return select(column).where(here).correlate_except(card_edits).scalar_subquery()


def edited_revision(guild_id: Guild) -> ColumnElement[str]:
    """The card's revision with the server's edit."""
    return func.coalesce(edit_of(card_edits.c.revision, guild_id), cards.c.revision)


def is_edited(guild_id: Guild, card: FromClause = cards) -> ColumnElement[bool]:
    """Whether the server has edited the card."""
    return _has_edit(card_edits.c.card_id == card.c.id, guild_id)


def has_edited_topics(guild_id: Guild, card_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the server gave the card other topics, which replace its own and those of its follow."""
    return _has_edit((card_edits.c.card_id == card_id) & card_edits.c.has_topics, guild_id)


def _has_edit(condition: ColumnElement[bool], guild_id: Guild) -> ColumnElement[bool]:
    query = select(literal(1)).where(card_edits.c.guild_id == guild_id, condition)
    return exists(query.correlate_except(card_edits))


def has_topic_here(
    given: ColumnElement[bool], topic_id: ColumnElement[int], card_id: ColumnElement[int], guild_id: Guild
) -> ColumnElement[bool]:
    """Whether the card has the topic in the server; `given`: whether it does without the server's edit."""
    own = card_edit_topics.c
    edited = select(literal(1)).where(own.guild_id == guild_id, own.card_id == card_id, own.topic_id == topic_id)
    return case((has_edited_topics(guild_id, card_id), exists(edited.correlate_except(card_edit_topics))), else_=given)


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


def count_submissions(guild_id: Guild) -> ScalarSelect[Any]:
    """The number of people of the server who submitted the card."""
    about_card = (submissions.c.guild_id == guild_id) & (submissions.c.card_id == cards.c.id)
    query = select(func.count()).select_from(submissions).where(about_card)
    return query.correlate_except(submissions).scalar_subquery()


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
    """Whether the card is held and waiting for the server's decision. Backlog waits for nothing."""
    waits = exists(
        _row_query(literal(1), guild_id).where(server_cards.c.state == CardState.HELD, ~server_cards.c.is_backlog)
    )
    shared = (cards.c.state == CardState.HELD) & ~cards.c.is_backlog
    return or_(shared, ~IS_SHARED & waits) & verdict_of(guild_id).is_(None)
