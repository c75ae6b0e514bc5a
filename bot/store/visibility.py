"""Who sees a card and how, in SQL: the one rule of every reading path (`bot.desk.publication` says it in Python)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Text, exists, func, literal, or_, select
from sqlalchemy import cast as sql_cast

from bot.cards.model import State
from bot.desk.delivery import SEEN_AS
from bot.desk.publication import EVERYWHERE
from bot.store.tables import audit, card_edits, cards, decisions, flags

Guild = ColumnElement[int] | int


def verdict(guild_id: Guild) -> ScalarSelect[Any]:
    """The server's decision on the card of the row at hand, null where there is none."""
    return _decided(decisions.c.verdict, guild_id)


def _decided(asked: ColumnElement[Any], guild_id: Guild) -> ScalarSelect[Any]:
    return (
        select(asked)
        .where(decisions.c.guild_id == guild_id, decisions.c.card_id == cards.c.id)
        .correlate_except(decisions)
        .scalar_subquery()
    )


def visible(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the server sees the card of the row at hand. Server 0 is nobody's: what holds everywhere counts.

    The server's word is asked as a yes or no: PostgreSQL's planner takes that for an even chance, and the same words
    compared after the question for a rare one, for which it looks at every card.
    """
    decided = _decided(decisions.c.verdict == State.PUBLISHED, guild_id)
    return (cards.c.state != State.WITHDRAWN) & func.coalesce(decided, cards.c.state == State.PUBLISHED)


def own_topics(guild_id: Guild) -> ScalarSelect[Any]:
    """The topics that the server gave the card of the row at hand in place of its file's, null where it gave none."""
    return _edit(card_edits.c.topics, guild_id)


def seen_revision(guild_id: Guild) -> ColumnElement[str]:
    """The revision of the card of the row at hand as the server sees it (`bot.desk.delivery.Content`)."""
    edited = literal(SEEN_AS).concat(sql_cast(_edit(card_edits.c.audit_id, guild_id), Text))
    return cards.c.revision.concat(func.coalesce(edited, ""))


def _edit(column: ColumnElement[Any], guild_id: Guild) -> ScalarSelect[Any]:
    return (
        select(column)
        .where(card_edits.c.guild_id == guild_id, card_edits.c.card_id == cards.c.id)
        .correlate_except(card_edits)
        .scalar_subquery()
    )


def open_flags(guild_id: Guild) -> ScalarSelect[Any]:
    """How many members have flagged the card of the row at hand since the server last decided on it."""
    answered = (
        select(decisions.c.decided_at)
        .where(decisions.c.guild_id == guild_id, decisions.c.card_id == cards.c.id)
        .correlate_except(decisions)
        .scalar_subquery()
    )
    return (
        select(func.count())
        .select_from(flags)
        .where(flags.c.guild_id == guild_id, flags.c.card_id == cards.c.id)
        .where(or_(answered.is_(None), flags.c.at > answered))
        .correlate_except(flags)
        .scalar_subquery()
    )


def last_entry(guild_id: Guild) -> ScalarSelect[Any]:
    """The log's last entry about the card of the row at hand that concerns the server, null where there is none."""
    return (
        select(func.max(audit.c.id))
        .where(audit.c.card_id == cards.c.id, audit.c.guild_id.in_((guild_id, EVERYWHERE)))
        .correlate_except(audit)
        .scalar_subquery()
    )


def ever_decided(guild_id: Guild) -> ColumnElement[bool]:
    """Whether somebody has ever decided on the card of the row at hand for the server, taken back or not."""
    about = (audit.c.card_id == cards.c.id) & audit.c.guild_id.in_((guild_id, EVERYWHERE))
    asked = select(audit.c.id).where(about, audit.c.subject == "verdict")
    return exists(asked.correlate_except(audit))


def undecided(guild_id: Guild) -> ColumnElement[bool]:
    """Whether the card of the row at hand is held and waits for the server's decision."""
    return (cards.c.state == State.HELD) & verdict(guild_id).is_(None)
