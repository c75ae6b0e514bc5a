"""What moderators read: what waits and why, what was decided by whom, the log."""

from __future__ import annotations

import json
from collections.abc import Sequence

import discord

from bot.cards.model import HeldReason, State
from bot.desk.publication import EVERYWHERE, Source, Verdict, standing
from bot.render.card import address, headline
from bot.render.colour import NEUTRAL
from bot.render.limits import CONTENT, units
from bot.render.listing import listed
from bot.render.markdown import fitted, fitted_link
from bot.store.flags import Flag
from bot.store.log import Entry, Subject
from bot.store.records import FiledCard

_TITLE = 120
_TITLE_IN_LOG = 80
_REASON = 200
_FLAGS_QUOTED = 3
_FLAG = 100
_MARKS = {Verdict.PUBLISH: "✅", Verdict.WITHDRAW: "🚫", None: "↩️"}


def done_text(card: FiledCard, entry: Entry, note: str = "") -> str:
    """What a moderator hears of an act: what is so now, and what follows."""
    return "\n".join(line for line in (_done_line(card, entry), note) if line)


def _done_line(card: FiledCard, entry: Entry) -> str:
    title = f"**{fitted(headline(card.card), _TITLE)}**"
    where = "everywhere" if entry.guild_id == EVERYWHERE else "in this server"
    if entry.subject is Subject.TOPICS:
        topics = _topic_names(entry.after)
        return f"{title} {f'has the topics {topics}' if topics else 'has its own topics again'} {where}."
    follows = {
        Verdict.PUBLISH: f"is published {where}. Its channels get it in a moment.",
        Verdict.WITHDRAW: f"is withdrawn {where}. Posts of it are being removed.",
        None: f"is as it was before anybody decided {where}.",
    }
    return f"{title} {follows[Verdict(entry.after) if entry.after else None]}"


def beaten_text(entry: Entry | None) -> str:
    """What a moderator hears who came second."""
    if entry is None:
        return "The card is not as you saw it any more. Look again, then decide."
    when = discord.utils.format_dt(entry.at, "R")
    return f"{_actor(entry)} was faster: {_act(entry)} {when}. Look again, then decide."


def review_text(
    card: FiledCard, entry: Entry | None, flags: Sequence[Flag] = (), channels: Sequence[int] | None = None
) -> str:
    """The line above a card under review: why it is here, or what was decided.

    `channels` are those of the subscriptions that were picked for it.
    """
    lines = [_reports(flags)] if flags else []
    if entry and entry.subject is not Subject.STATE:
        lines.append(record(entry, channels))
    if not entry or entry.subject is Subject.STATE or _is_open(card):
        lines.append(f"**{standing(card.card.state, card.card.held_reason, card.verdict, card.ruling)}**")
    return "\n".join(lines)


def _is_open(card: FiledCard) -> bool:
    return card.card.state is State.HELD and card.verdict is None


def record(entry: Entry, channels: Sequence[int] | None = None) -> str:
    """One act as a sentence: `✅ Published by @somebody 2 minutes ago in #news: “reason”`."""
    act = f"{_act(entry)} by {_actor(entry)} {discord.utils.format_dt(entry.at, 'R')}"
    where = f", only in {' '.join(f'<#{channel}>' for channel in channels)}" if channels else ""
    why = f": “{fitted(' '.join(entry.reason.split()), _REASON)}”" if entry.reason.strip() else ""
    return f"{_mark(entry)} {act[:1].upper()}{act[1:]}{where}{why}"


def _mark(entry: Entry) -> str:
    if entry.subject is Subject.VERDICT:
        return _MARKS[Verdict(entry.after) if entry.after else None]
    return "🏷️" if entry.subject is Subject.TOPICS else "📄"


def _act(entry: Entry) -> str:
    """What was done, as a participle."""
    everywhere = " everywhere" if entry.guild_id == EVERYWHERE and entry.source is not Source.FILE else ""
    return f"{_done(entry)}{everywhere}"


def _done(entry: Entry) -> str:
    if entry.subject is Subject.STATE:
        return f"{entry.before} → {entry.after}"
    if entry.subject is Subject.TOPICS:
        topics = _topic_names(entry.after)
        return f"topics set to {topics}" if topics else "topics set back to its own"
    if entry.undoes is not None:
        return f"undone: {entry.after} again" if entry.after else "decision taken back"
    if entry.only is not None:
        number = len(entry.only)
        return f"published in {number} chosen subscription{'' if number == 1 else 's'}"
    return str(entry.after)


def _topic_names(written: str | None) -> str:
    return fitted(", ".join(json.loads(written)), _REASON) if written else ""


def _actor(entry: Entry) -> str:
    if entry.source is Source.FILE:
        return "its file"
    return f"the bot's owner <@{entry.actor_id}>" if entry.guild_id == EVERYWHERE else f"<@{entry.actor_id}>"


def _reports(flags: Sequence[Flag]) -> str:
    number = len(flags)
    said = [f"“{fitted(' '.join(flag.reason.split()), _FLAG)}”" for flag in flags if flag.reason.strip()]
    quoted = f": {' · '.join(said[:_FLAGS_QUOTED])}" if said else ""
    more = f" · +{len(said) - _FLAGS_QUOTED} more" if len(said) > _FLAGS_QUOTED else ""
    return f"🚩 **Reported by {number} member{'' if number == 1 else 's'}**{quoted}{more}"


def waiting_note(card: FiledCard, flags: int) -> str:
    """The line in a queue: why a card waits."""
    words = standing(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    return f"🚩 Reported by {flags} member{'' if flags == 1 else 's'} · {words}" if flags else words


_EXPLAINED = {
    HeldReason.COVERED: "Another card tells the same story and names this one among its related stories.",
    HeldReason.UNSCORED: "The producer has not scored it yet. It may publish it by itself later.",
    HeldReason.BELOW_BAR: "Its story is not hot enough for the producer, who publishes from heat 70 on.",
}


def why_held_embed(card: FiledCard, covering: FiledCard | None, channels: Sequence[int]) -> discord.Embed:
    """Why a card is held, what scores it has, and where it would go. `covering` tells its story already."""
    words = standing(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    reason = card.card.held_reason if _is_open(card) else None
    embed = discord.Embed(title=words, description=_EXPLAINED[reason] if reason else None, colour=NEUTRAL)
    embed.add_field(name="Heat", value=_score(card.card.heat))
    embed.add_field(name="Quality", value=_score(card.card.quality))
    if covering:
        title, url = headline(covering.card), address(covering.card)
        linked = fitted_link(title, url, 1000) if url else ""
        embed.add_field(name="Covered by", value=linked or fitted(title, _TITLE), inline=False)
    goes = " ".join(f"<#{channel}>" for channel in dict.fromkeys(channels)) or "No subscription here asks for it."
    embed.add_field(name="Published, it would go to", value=goes, inline=False)
    return embed


def _score(score: int | None) -> str:
    if score is None:
        return "not scored"
    return "part of another card's story" if score < 0 else f"{score:,}"


def log_text(entries: Sequence[Entry]) -> str:
    """The log, newest first. As text: Discord names people there, while in an embed it may know only their numbers."""
    return listed(entries, _line, CONTENT)


def _line(entry: Entry, room: int) -> str:
    sentence = record(entry)
    title = fitted(" ".join(entry.title.split()), min(_TITLE_IN_LOG, room - units(sentence) - 6))
    return f"**{title}**\n{sentence}" if title else ""
