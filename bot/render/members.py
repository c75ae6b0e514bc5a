"""What members read about themselves: what is stored of them, and what goes when they say so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import discord

from bot.desk.subscription import Subscription
from bot.desk.timetable import words_of
from bot.render.markdown import fitted

_TOPICS_SHOWN = 1200
_FORM = 1
"""The version of the form in which a member's data are written."""
_STAYS = (
    "A server's subscriptions and the desk's decisions with their log belong to the server: its people must be able to "
    "see who decided what, so these stay when you erase what is stored about you."
)
_NAMES = {
    "saved": ("saved card", "saved cards"),
    "reports": ("report about a card", "reports about cards"),
    "last_read": ("note of when you last read in a server", "notes of when you last read in a server"),
    "follows": ("personal digest", "personal digests"),
    "messages": ("record of a direct message", "records of direct messages"),
}


def exported(user_id: int, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Everything that is stored about a member, as one JSON object."""
    whole = {"newsdesk": _FORM, "user_id": user_id, "what_stays": _STAYS, **found}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def counted(rows: Mapping[str, int]) -> str:
    """How much there is of each kind, in words; empty when there is nothing."""
    return ", ".join(f"{count:,} {_NAMES[kind][count != 1]}" for kind, count in rows.items() if count)


def erasing_text(rows: Mapping[str, int]) -> str:
    """What would go, asked before it does."""
    return (
        f"This erases, at once and for good: **{counted(rows)}**.\n{_STAYS}\n`/privacy export` gives you a copy first."
    )


def following_text(own: Subscription) -> str:
    """What a member follows in a server, when it comes, and when it comes next."""
    topics = fitted(", ".join(own.wish.topics), _TOPICS_SHOWN)
    following = f", next {discord.utils.format_dt(own.next_at, 'R')}" if own.next_at else ""
    return f"You follow **{topics}** here: {words_of(own.wish)}{following}, in your direct messages."
