"""Texts for members about their own data: export, erasure, personal digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import discord

from bot.domain.digest_schedule import describe_schedule
from bot.domain.subscription import Subscription
from bot.i18n import tr, tr_noop, trn
from bot.render.markdown import escape_markdown, fit_escaped

_TOPICS_SHOWN = 1200
_FORM = 1
"""Version of the export format."""
_STAYS = tr_noop(
    "A server's subscriptions and the desk's decisions with their log belong to the server: its people must be able to "
    "see who decided what, so these stay when you erase what is stored about you."
)
_COUNTED: Mapping[str, Callable[[int], str]] = {
    "saved": lambda count: trn("{count} saved card", "{count} saved cards", count),
    "reports": lambda count: trn("{count} report about a card", "{count} reports about cards", count),
    "last_read": lambda count: trn(
        "{count} note of when you last read in a server", "{count} notes of when you last read in a server", count
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
    erased = tr("This erases, at once and for good: **{stored}**.", stored=format_counts(rows))
    return "\n".join((erased, tr(_STAYS), tr("`/privacy export` gives you a copy first.")))


def digest_problem_text(own: Subscription) -> str:
    """Describe why a personal digest is not delivered, with the fix; empty if nothing is wrong."""
    if "timezone" in own.unusable:
        return tr(
            "I do not know the time zone “{zone}” of your digest, so it is paused. Choose another one: `/follow`.",
            zone=escape_markdown(own.options.timezone),
        )
    if own.unusable:
        return tr("I cannot read all of your digest, so it is paused. End it with `/unfollow`, then `/follow` again.")
    return tr("The last digest could not be made. I try again by myself.") if own.trouble else ""


def following_text(own: Subscription) -> str:
    """Describe what a member follows in a guild, the schedule, the next date, and what prevents delivery."""
    return "\n".join(filter(None, (_follows_text(own), digest_problem_text(own))))


def _follows_text(own: Subscription) -> str:
    topics = fit_escaped(", ".join(own.options.topics), _TOPICS_SHOWN)
    if own.next_digest_at is None:
        text = tr_noop("You follow **{topics}** here: {schedule}, in your direct messages.")
        return tr(text, topics=topics, schedule=describe_schedule(own.options))
    return tr(
        "You follow **{topics}** here: {schedule}, next {when}, in your direct messages.",
        topics=topics,
        schedule=describe_schedule(own.options),
        when=discord.utils.format_dt(own.next_digest_at, "R"),
    )
