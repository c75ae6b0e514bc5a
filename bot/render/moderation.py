"""Texts for moderators: the review queue, decisions, the audit log."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence

import discord

from bot.cards.model import CardState, HeldReason
from bot.domain.moderation import EVERYWHERE, DecisionSource, Verdict, describe_state
from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card import format_headline, link_target
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines
from bot.render.limits import CONTENT, count_units
from bot.render.markdown import fit_escaped, fit_link
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditEntry, AuditSubject
from bot.store.moderation.reports import Report

_TITLE = 120
_TITLE_IN_LOG = 80
_REASON = 200
_FLAGS_QUOTED = 3
_FLAG = 100
_MARKS = {Verdict.PUBLISH: "✅", Verdict.WITHDRAW: "🚫", None: "↩️"}


def done_text(card: StoredCard, entry: AuditEntry, note: str = "") -> str:
    """Describe the outcome of an action to its moderator."""
    return "\n".join(line for line in (_done_line(card, entry), note) if line)


def _done_line(card: StoredCard, entry: AuditEntry) -> str:
    title = f"**{fit_escaped(format_headline(card.card), _TITLE)}**"
    if entry.subject is AuditSubject.TOPICS:
        local, everywhere = _TOPICS_DONE[bool(entry.after)]
    else:
        local, everywhere = _DONE[Verdict(entry.after) if entry.after else None]
    text = everywhere if entry.guild_id == EVERYWHERE else local
    return tr(text, title=title, topics=_topic_names(entry.after) if entry.subject is AuditSubject.TOPICS else "")


_DONE = {
    Verdict.PUBLISH: (
        tr_noop("{title} is published in this server. Its channels get it in a moment."),
        tr_noop("{title} is published everywhere. Its channels get it in a moment."),
    ),
    Verdict.WITHDRAW: (
        tr_noop("{title} is withdrawn in this server. Posts of it are being removed."),
        tr_noop("{title} is withdrawn everywhere. Posts of it are being removed."),
    ),
    None: (
        tr_noop("{title} is as it was before anybody decided in this server."),
        tr_noop("{title} is as it was before anybody decided everywhere."),
    ),
}
"""Texts after a decision: in one guild, and everywhere."""
_TOPICS_DONE = {
    True: (
        tr_noop("{title} has the topics {topics} in this server."),
        tr_noop("{title} has the topics {topics} everywhere."),
    ),
    False: (
        tr_noop("{title} has its own topics again in this server."),
        tr_noop("{title} has its own topics again everywhere."),
    ),
}


def conflict_text(entry: AuditEntry | None) -> str:
    """Tell a moderator that a conflicting action was faster."""
    if entry is None:
        return tr("The card is not as you saw it any more. Look again, then decide.")
    when = discord.utils.format_dt(entry.at, "R")
    return tr(_FASTER[_classify_actor(entry)], who=f"<@{entry.actor_id}>", act=_describe_act(entry), when=when)


def review_text(
    card: StoredCard, entry: AuditEntry | None, flags: Sequence[Report] = (), channels: Sequence[int] | None = None
) -> str:
    """Return the line above a card under review: why it is here, or what was decided.

    `channels` are those of the subscriptions it was published in.
    """
    lines = [_describe_reports(flags)] if flags else []
    if entry and entry.subject is not AuditSubject.STATE:
        lines.append(format_record(entry, channels))
    if not entry or entry.subject is AuditSubject.STATE or _is_open(card):
        lines.append(f"**{describe_state(card.card.state, card.card.held_reason, card.verdict, card.ruling)}**")
    return "\n".join(lines)


def _is_open(card: StoredCard) -> bool:
    return card.card.state is CardState.HELD and card.verdict is None


def format_record(entry: AuditEntry, channels: Sequence[int] | None = None) -> str:
    """Describe an entry in a sentence: `✅ Published by @somebody 2 minutes ago in #news: “reason”`."""
    when = discord.utils.format_dt(entry.at, "R")
    act = tr(_RECORDED[_classify_actor(entry)], who=f"<@{entry.actor_id}>", act=_describe_act(entry), when=when)
    if channels:
        act = tr("{act}, only in {channels}", act=act, channels=" ".join(f"<#{channel}>" for channel in channels))
    if entry.reason.strip():
        act = f"{act}: {_quote_text(entry.reason, _REASON)}"
    return f"{_entry_mark(entry)} {act[:1].upper()}{act[1:]}"


def _quote_text(text: str, limit: int) -> str:
    return tr("“{text}”", text=fit_escaped(" ".join(text.split()), limit))


def _entry_mark(entry: AuditEntry) -> str:
    if entry.subject is AuditSubject.VERDICT:
        return _MARKS[Verdict(entry.after) if entry.after else None]
    return "🏷️" if entry.subject is AuditSubject.TOPICS else "📄"


class _Actor(enum.Enum):
    """Kind of actor."""

    MODERATOR = enum.auto()
    OWNER = enum.auto()
    FILE = enum.auto()


def _classify_actor(entry: AuditEntry) -> _Actor:
    if entry.source is DecisionSource.FILE:
        return _Actor.FILE
    return _Actor.OWNER if entry.guild_id == EVERYWHERE else _Actor.MODERATOR


_RECORDED = {
    _Actor.MODERATOR: tr_noop("{act} by {who} {when}"),
    _Actor.OWNER: tr_noop("{act} by the bot's owner {who} {when}"),
    _Actor.FILE: tr_noop("{act} by its file {when}"),
}
_FASTER = {
    _Actor.MODERATOR: tr_noop("{who} was faster: {act} {when}. Look again, then decide."),
    _Actor.OWNER: tr_noop("The bot's owner {who} was faster: {act} {when}. Look again, then decide."),
    _Actor.FILE: tr_noop("Its file was faster: {act} {when}. Look again, then decide."),
}


def _describe_act(entry: AuditEntry) -> str:
    """Return the action as a participle."""
    if entry.subject is AuditSubject.STATE:
        return " → ".join(tr(_STATES[CardState(state)]) for state in (entry.before, entry.after) if state)
    if entry.subscription_ids is not None:
        return trn(
            "published in {count} chosen subscription",
            "published in {count} chosen subscriptions",
            len(entry.subscription_ids),
        )
    local, everywhere = _ACTS[_entry_kind(entry)]
    topics = _topic_names(entry.after) if entry.subject is AuditSubject.TOPICS else ""
    return tr(everywhere if _classify_actor(entry) is _Actor.OWNER else local, topics=topics)


_STATES = {
    CardState.HELD: tr_noop("held"),
    CardState.PUBLISHED: tr_noop("published"),
    CardState.WITHDRAWN: tr_noop("withdrawn"),
}


def _entry_kind(entry: AuditEntry) -> tuple[AuditSubject, str | None, bool]:
    """Return an entry's subject, its outcome, and whether it is an undo."""
    if entry.subject is AuditSubject.TOPICS:
        return AuditSubject.TOPICS, "set" if entry.after else None, False
    return AuditSubject.VERDICT, entry.after, entry.reverts_id is not None


_ACTS = {
    (AuditSubject.TOPICS, "set", False): (
        tr_noop("topics set to {topics}"),
        tr_noop("topics set to {topics} everywhere"),
    ),
    (AuditSubject.TOPICS, None, False): (
        tr_noop("topics set back to its own"),
        tr_noop("topics set back to its own everywhere"),
    ),
    (AuditSubject.VERDICT, Verdict.PUBLISH, False): (tr_noop("published"), tr_noop("published everywhere")),
    (AuditSubject.VERDICT, Verdict.WITHDRAW, False): (tr_noop("withdrawn"), tr_noop("withdrawn everywhere")),
    (AuditSubject.VERDICT, Verdict.PUBLISH, True): (
        tr_noop("undone: published again"),
        tr_noop("undone: published again everywhere"),
    ),
    (AuditSubject.VERDICT, Verdict.WITHDRAW, True): (
        tr_noop("undone: withdrawn again"),
        tr_noop("undone: withdrawn again everywhere"),
    ),
    (AuditSubject.VERDICT, None, True): (tr_noop("decision taken back"), tr_noop("decision taken back everywhere")),
}
"""Actions as participles: in one guild, and everywhere."""


def _topic_names(written: str | None) -> str:
    return fit_escaped(", ".join(json.loads(written)), _REASON) if written else ""


def _describe_reports(flags: Sequence[Report]) -> str:
    lines = [_quote_text(flag.reason, _FLAG) for flag in flags if flag.reason.strip()]
    quoted = f": {' · '.join(lines[:_FLAGS_QUOTED])}" if lines else ""
    more = len(lines) - _FLAGS_QUOTED
    counted = f" · {tr('+{count} more', count=format_number(more))}" if more > 0 else ""
    return f"🚩 **{_report_count_text(len(flags))}**{quoted}{counted}"


def _report_count_text(flags: int) -> str:
    return trn("Reported by {count} member", "Reported by {count} members", flags)


def waiting_note(card: StoredCard, flags: int) -> str:
    """Return the line in the queue that says why a card is waiting."""
    words = describe_state(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    return f"🚩 {_report_count_text(flags)} · {words}" if flags else words


_EXPLAINED = {
    HeldReason.COVERED: tr_noop("Another card tells the same story and names this one among its related stories."),
    HeldReason.UNSCORED: tr_noop("The producer has not scored it yet. It may publish it by itself later."),
    HeldReason.BELOW_BAR: tr_noop("Its story is not hot enough for the producer, who publishes from heat 70 on."),
}


def render_why_held(card: StoredCard, covering: StoredCard | None, channels: Sequence[int]) -> discord.Embed:
    """Explain why a card is held, with scores and destinations. `covering` is a published card of the same story."""
    words = describe_state(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    reason = card.card.held_reason if _is_open(card) else None
    embed = discord.Embed(title=words, description=tr(_EXPLAINED[reason]) if reason else None, colour=NEUTRAL)
    embed.add_field(name=tr("Heat"), value=_format_score(card.card.heat))
    embed.add_field(name=tr("Quality"), value=_format_score(card.card.quality))
    if covering:
        title, url = format_headline(covering.card), link_target(covering.card)
        linked = fit_link(title, url, 1000) if url else ""
        embed.add_field(name=tr("Covered by"), value=linked or fit_escaped(title, _TITLE), inline=False)
    goes = " ".join(f"<#{channel}>" for channel in dict.fromkeys(channels)) or tr("No subscription here asks for it.")
    embed.add_field(name=tr("Published, it would go to"), value=goes, inline=False)
    return embed


def _format_score(score: int | None) -> str:
    if score is None:
        return tr("not scored")
    return tr("part of another card's story") if score < 0 else format_number(score)


def log_text(entries: Sequence[AuditEntry]) -> str:
    """Render the log, newest first. As text rather than an embed, in which clients may show users as bare ids."""
    return fit_lines(entries, _log_line, CONTENT)


def _log_line(entry: AuditEntry, room: int) -> str:
    sentence = format_record(entry)
    title = fit_escaped(" ".join(entry.title.split()), min(_TITLE_IN_LOG, room - count_units(sentence) - 6))
    return f"**{title}**\n{sentence}" if title else ""
