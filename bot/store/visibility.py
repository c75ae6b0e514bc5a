"""Who sees a card, in SQL: the one rule of every reading path (`bot.desk.publication` says it in Python)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select

from bot.cards.model import State
from bot.store.tables import cards, decisions


def verdict(guild_id: ColumnElement[int] | int) -> ScalarSelect[Any]:
    """The server's decision on the card of the row at hand, null where there is none."""
    return (
        select(decisions.c.verdict)
        .where(decisions.c.guild_id == guild_id, decisions.c.card_id == cards.c.id)
        .correlate_except(decisions)
        .scalar_subquery()
    )


def visible(guild_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Whether the server sees the card of the row at hand. Server 0 is nobody's: the files alone count."""
    return (cards.c.state != State.WITHDRAWN) & (func.coalesce(verdict(guild_id), cards.c.state) == State.PUBLISHED)
