"""Texts for moderators: the review queue, decisions, the audit log."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence

import discord

from bot.cards.model import HeldReason, State
from bot.desk.publication import EVERYWHERE, Source, Verdict, standing
from bot.language import marked, number, tr, trn
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
    """Describe the outcome of an action to its moderator."""
    return "\n".join(line for line in (_done_line(card, entry), note) if line)


def _done_line(card: FiledCard, entry: Entry) -> str:
    title = f"**{fitted(headline(card.card), _TITLE)}**"
    if entry.subject is Subject.TOPICS:
        here, everywhere = _TOPICS_DONE[bool(entry.after)]
    else:
        here, everywhere = _DONE[Verdict(entry.after) if entry.after else None]
    text = everywhere if entry.guild_id == EVERYWHERE else here
    return tr(text, title=title, topics=_topic_names(entry.after) if entry.subject is Subject.TOPICS else "")


_DONE = {
    Verdict.PUBLISH: (
        marked("{title} is published in this server. Its channels get it in a moment."),
        marked("{title} is published everywhere. Its channels get it in a moment."),
    ),
    Verdict.WITHDRAW: (
        marked("{title} is withdrawn in this server. Posts of it are being removed."),
        marked("{title} is withdrawn everywhere. Posts of it are being removed."),
    ),
    None: (
        marked("{title} is as it was before anybody decided in this server."),
        marked("{title} is as it was before anybody decided everywhere."),
    ),
}
"""Texts after a decision: in one guild, and everywhere."""
_TOPICS_DONE = {
    True: (
        marked("{title} has the topics {topics} in this server."),
        marked("{title} has the topics {topics} everywhere."),
    ),
    False: (
        marked("{title} has its own topics again in this server."),
        marked("{title} has its own topics again everywhere."),
    ),
}


def beaten_text(entry: Entry | None) -> str:
    """Tell a moderator that a conflicting action was faster."""
    if entry is None:
        return tr("The card is not as you saw it any more. Look again, then decide.")
    when = discord.utils.format_dt(entry.at, "R")
    return tr(_FASTER[_actor(entry)], who=f"<@{entry.actor_id}>", act=_act(entry), when=when)


def review_text(
    card: FiledCard, entry: Entry | None, flags: Sequence[Flag] = (), channels: Sequence[int] | None = None
) -> str:
    """Return the line above a card under review: why it is here, or what was decided.

    `channels` are those of the subscriptions it was published in.
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
    """Describe an entry in a sentence: `✅ Published by @somebody 2 minutes ago in #news: “reason”`."""
    when = discord.utils.format_dt(entry.at, "R")
    act = tr(_RECORDED[_actor(entry)], who=f"<@{entry.actor_id}>", act=_act(entry), when=when)
    if channels:
        act = tr("{act}, only in {channels}", act=act, channels=" ".join(f"<#{channel}>" for channel in channels))
    if entry.reason.strip():
        act = f"{act}: {_quoted(entry.reason, _REASON)}"
    return f"{_mark(entry)} {act[:1].upper()}{act[1:]}"


def _quoted(text: str, limit: int) -> str:
    return tr("“{text}”", text=fitted(" ".join(text.split()), limit))


def _mark(entry: Entry) -> str:
    if entry.subject is Subject.VERDICT:
        return _MARKS[Verdict(entry.after) if entry.after else None]
    return "🏷️" if entry.subject is Subject.TOPICS else "📄"


class _Actor(enum.Enum):
    """Kind of actor."""

    MODERATOR = enum.auto()
    OWNER = enum.auto()
    FILE = enum.auto()


def _actor(entry: Entry) -> _Actor:
    if entry.source is Source.FILE:
        return _Actor.FILE
    return _Actor.OWNER if entry.guild_id == EVERYWHERE else _Actor.MODERATOR


_RECORDED = {
    _Actor.MODERATOR: marked("{act} by {who} {when}"),
    _Actor.OWNER: marked("{act} by the bot's owner {who} {when}"),
    _Actor.FILE: marked("{act} by its file {when}"),
}
_FASTER = {
    _Actor.MODERATOR: marked("{who} was faster: {act} {when}. Look again, then decide."),
    _Actor.OWNER: marked("The bot's owner {who} was faster: {act} {when}. Look again, then decide."),
    _Actor.FILE: marked("Its file was faster: {act} {when}. Look again, then decide."),
}


def _act(entry: Entry) -> str:
    """Return the action as a participle."""
    if entry.subject is Subject.STATE:
        return " → ".join(tr(_STATES[State(state)]) for state in (entry.before, entry.after) if state)
    if entry.only is not None:
        return trn(
            "published in {count} chosen subscription", "published in {count} chosen subscriptions", len(entry.only)
        )
    here, everywhere = _ACTS[_kind(entry)]
    topics = _topic_names(entry.after) if entry.subject is Subject.TOPICS else ""
    return tr(everywhere if _actor(entry) is _Actor.OWNER else here, topics=topics)


_STATES = {State.HELD: marked("held"), State.PUBLISHED: marked("published"), State.WITHDRAWN: marked("withdrawn")}


def _kind(entry: Entry) -> tuple[Subject, str | None, bool]:
    """Return an entry's subject, its outcome, and whether it is an undo."""
    if entry.subject is Subject.TOPICS:
        return Subject.TOPICS, "set" if entry.after else None, False
    return Subject.VERDICT, entry.after, entry.undoes is not None


_ACTS = {
    (Subject.TOPICS, "set", False): (marked("topics set to {topics}"), marked("topics set to {topics} everywhere")),
    (Subject.TOPICS, None, False): (
        marked("topics set back to its own"),
        marked("topics set back to its own everywhere"),
    ),
    (Subject.VERDICT, Verdict.PUBLISH, False): (marked("published"), marked("published everywhere")),
    (Subject.VERDICT, Verdict.WITHDRAW, False): (marked("withdrawn"), marked("withdrawn everywhere")),
    (Subject.VERDICT, Verdict.PUBLISH, True): (
        marked("undone: published again"),
        marked("undone: published again everywhere"),
    ),
    (Subject.VERDICT, Verdict.WITHDRAW, True): (
        marked("undone: withdrawn again"),
        marked("undone: withdrawn again everywhere"),
    ),
    (Subject.VERDICT, None, True): (marked("decision taken back"), marked("decision taken back everywhere")),
}
"""Actions as participles: in one guild, and everywhere."""


def _topic_names(written: str | None) -> str:
    return fitted(", ".join(json.loads(written)), _REASON) if written else ""


def _reports(flags: Sequence[Flag]) -> str:
    said = [_quoted(flag.reason, _FLAG) for flag in flags if flag.reason.strip()]
    quoted = f": {' · '.join(said[:_FLAGS_QUOTED])}" if said else ""
    more = len(said) - _FLAGS_QUOTED
    counted = f" · {tr('+{count} more', count=number(more))}" if more > 0 else ""
    return f"🚩 **{_reported(len(flags))}**{quoted}{counted}"


def _reported(flags: int) -> str:
    return trn("Reported by {count} member", "Reported by {count} members", flags)


def waiting_note(card: FiledCard, flags: int) -> str:
    """Return the line in the queue that says why a card is waiting."""
    words = standing(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    return f"🚩 {_reported(flags)} · {words}" if flags else words


_EXPLAINED = {
    HeldReason.COVERED: marked("Another card tells the same story and names this one among its related stories."),
    HeldReason.UNSCORED: marked("The producer has not scored it yet. It may publish it by itself later."),
    HeldReason.BELOW_BAR: marked("Its story is not hot enough for the producer, who publishes from heat 70 on."),
}


def why_held_embed(card: FiledCard, covering: FiledCard | None, channels: Sequence[int]) -> discord.Embed:
    """Explain why a card is held, with scores and destinations. `covering` is a published card of the same story."""
    words = standing(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    reason = card.card.held_reason if _is_open(card) else None
    embed = discord.Embed(title=words, description=tr(_EXPLAINED[reason]) if reason else None, colour=NEUTRAL)
    embed.add_field(name=tr("Heat"), value=_score(card.card.heat))
    embed.add_field(name=tr("Quality"), value=_score(card.card.quality))
    if covering:
        title, url = headline(covering.card), address(covering.card)
        linked = fitted_link(title, url, 1000) if url else ""
        embed.add_field(name=tr("Covered by"), value=linked or fitted(title, _TITLE), inline=False)
    goes = " ".join(f"<#{channel}>" for channel in dict.fromkeys(channels)) or tr("No subscription here asks for it.")
    embed.add_field(name=tr("Published, it would go to"), value=goes, inline=False)
    return embed


def _score(score: int | None) -> str:
    if score is None:
        return tr("not scored")
    return tr("part of another card's story") if score < 0 else number(score)


def log_text(entries: Sequence[Entry]) -> str:
    """Render the log, newest first. As text rather than an embed, in which clients may show users as bare ids."""
    return listed(entries, _line, CONTENT)


def _line(entry: Entry, room: int) -> str:
    sentence = record(entry)
    title = fitted(" ".join(entry.title.split()), min(_TITLE_IN_LOG, room - units(sentence) - 6))
    return f"**{title}**\n{sentence}" if title else ""
