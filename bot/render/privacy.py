"""Texts for members about their own data: export, erasure, personal digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import discord

from bot.domain.digest_schedule import describe_schedule
from bot.domain.subscription import Subscription
from bot.i18n import tr, tr_noop, trn
from bot.render.card import SEPARATOR
from bot.render.markdown import escape_markdown, fit_escaped
from bot.render.subscriptions import capitalize_first, list_limits

_TOPICS_SHOWN = 1200
_FORM = 1
"""Version of the export format."""
_STAYS = tr_noop(
    "Subscriptions and moderation decisions belong to the server, whose team must be able to see who decided what. "
    "They stay when you erase your data."
)
_COUNTED: Mapping[str, Callable[[int], str]] = {
    "saved": lambda count: trn("{count} saved card", "{count} saved cards", count),
    "reports": lambda count: trn("{count} report about a card", "{count} reports about cards", count),
    "submissions": lambda count: trn("{count} submitted link", "{count} submitted links", count),
    "last_read": lambda count: trn(
        "the time you last read in {count} server", "the times you last read in {count} servers", count
    ),
    "follows": lambda count: trn("{count} personal digest", "{count} personal digests", count),
    "messages": lambda count: trn("{count} record of a direct message", "{count} records of direct messages", count),
}


def format_export(user_id: int, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Serialize everything stored about a member as one JSON object."""
    whole = {"newsdesk": _FORM, "user_id": user_id, "what_stays": tr(_STAYS), **found}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def format_counts(rows: Mapping[str, int]) -> str:
    """Describe how many rows of each kind there are; empty if there are none."""
    return ", ".join(_COUNTED[kind](count) for kind, count in rows.items() if count)


def erase_warning(rows: Mapping[str, int]) -> str:
    """Describe what would be erased, for confirmation."""
    erased = tr("This permanently erases: **{stored}**.", stored=format_counts(rows))
    return "\n".join((erased, tr(_STAYS), tr("Get a copy first with `/privacy export`.")))


def digest_problem_text(own: Subscription) -> str:
    """Describe why a personal digest is not delivered, with the fix; empty if nothing is wrong."""
    if "timezone" in own.unusable:
        return tr(
            "I don't know your digest's time zone “{zone}”, so it's paused. Choose another with `/follow`.",
            zone=escape_markdown(own.options.timezone),
        )
    if own.unusable:
        return tr(
            "I can't read all settings of your digest, so it's paused. Remove it with `/unfollow`, then `/follow` "
            "again."
        )
    return tr("The last digest failed. I'll try again automatically.") if own.trouble else ""


def following_text(own: Subscription) -> str:
    """Describe what a member follows in a guild, the schedule, the next date, and what prevents delivery."""
    limits = SEPARATOR.join(list_limits(own.options))
    return "\n".join(filter(None, (_follows_text(own), capitalize_first(limits), digest_problem_text(own))))


def _follows_text(own: Subscription) -> str:
    topics = fit_escaped(", ".join(own.options.topics), _TOPICS_SHOWN)
    if own.next_digest_at is None:
        text = tr_noop("You're following **{topics}** here: a direct message {schedule}.")
        return tr(text, topics=topics, schedule=describe_schedule(own.options))
    return tr(
        "You're following **{topics}** here: a direct message {schedule}, next {when}.",
        topics=topics,
        schedule=describe_schedule(own.options),
        when=discord.utils.format_dt(own.next_digest_at, "R"),
    )
