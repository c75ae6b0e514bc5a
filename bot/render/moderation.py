"""Texts for moderators: the review queue, decisions, the audit log."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import discord

from bot.cards.model import CardState, HeldReason
from bot.domain.card_edit import parse_change
from bot.domain.moderation import EVERYWHERE, DecisionSource, Verdict, describe_state
from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card import format_headline, link_target
from bot.render.card_edits import describe_changes
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines
from bot.render.limits import CONTENT, count_units
from bot.render.markdown import cut_text, fit_escaped, fit_link
from bot.render.story_changes import describe_change, describe_done, story_mark
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditEntry, AuditSubject
from bot.store.moderation.reports import Report
from bot.store.moderation.submissions import Submission

_TITLE = 120
_TITLE_IN_LOG = 80
_REASON = 200
_FLAGS_QUOTED = 3
_FLAG = 100
_MARKS = {Verdict.PUBLISH: "✅", Verdict.WITHDRAW: "🚫", None: "↩️"}


def done_text(card: StoredCard, entry: AuditEntry, note: str = "", *, undone: bool = False) -> str:
    """Describe the outcome of an action to its moderator; `undone`: it undid another one."""
    return "\n".join(line for line in (_done_line(card, entry, undone), note) if line)


def _done_line(card: StoredCard, entry: AuditEntry, undone: bool) -> str:
    title = f"**{fit_escaped(format_headline(card.card), _TITLE)}**"
    if entry.subject is AuditSubject.EDIT:
        return tr(_EDIT_DONE[bool(parse_change(entry.after).edit)], title=title)
    if entry.subject is AuditSubject.STORY:
        return describe_done(entry, title)
    texts = _UNDONE if undone or not entry.after else _DONE
    local, everywhere = texts[Verdict(entry.after) if entry.after else None]
    return tr(everywhere if entry.guild_id == EVERYWHERE else local, title=title)


_DONE: Mapping[Verdict | None, tuple[str, str]] = {
    Verdict.PUBLISH: (
        tr_noop("Published {title} in this server. It will be posted in a moment."),
        tr_noop("Published {title} everywhere. It will be posted in a moment."),
    ),
    Verdict.WITHDRAW: (
        tr_noop("Withdrew {title} in this server. Its posts are being removed."),
        tr_noop("Withdrew {title} everywhere. Its posts are being removed."),
    ),
}
"""Texts after a decision: in one guild, and everywhere."""
_UNDONE: Mapping[Verdict | None, tuple[str, str]] = {
    Verdict.PUBLISH: (
        tr_noop("Undone: {title} is published again in this server. It will be posted in a moment."),
        tr_noop("Undone: {title} is published again everywhere. It will be posted in a moment."),
    ),
    Verdict.WITHDRAW: (
        tr_noop("Undone: {title} is withdrawn again in this server. Its posts are being removed."),
        tr_noop("Undone: {title} is withdrawn again everywhere. Its posts are being removed."),
    ),
    None: (
        tr_noop("Undone: {title} is as it was before any decision in this server."),
        tr_noop("Undone: {title} is as it was before any decision everywhere."),
    ),
}
"""Texts by what is in force again; None for no decision."""
_EDIT_DONE = {
    True: tr_noop("Edited {title} in this server. Its posts are being updated."),
    False: tr_noop("Undone: {title} follows its source again. Its posts are being updated."),
}


def conflict_text(entry: AuditEntry | None) -> str:
    """Tell a moderator that a conflicting action was faster."""
    if entry is None:
        return tr("This card changed since you saw it. Check it again before you decide.")
    if entry.subject is AuditSubject.STORY and entry.reverts_id is None:
        return tr("This story was changed again since. Undo that first: {record}", record=format_record(entry))
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
    if entry.subject is AuditSubject.EDIT and (changes := describe_changes(entry)):
        act = f"{act}: {changes}"
    if entry.reason.strip():
        act = f"{act}: {_quote_text(entry.reason, _REASON)}"
    return f"{_entry_mark(entry)} {act[:1].upper()}{act[1:]}"


def _quote_text(text: str, limit: int) -> str:
    return tr("“{text}”", text=fit_escaped(" ".join(text.split()), limit))


def _entry_mark(entry: AuditEntry) -> str:
    if entry.subject is AuditSubject.VERDICT:
        return _MARKS[Verdict(entry.after) if entry.after else None]
    if entry.subject is AuditSubject.STORY:
        return story_mark(entry)
    return _SUBJECT_MARKS[entry.subject]


_SUBJECT_MARKS = {AuditSubject.EDIT: "✏️", AuditSubject.STATE: "📄", AuditSubject.FEED: "📡"}


class _Actor(enum.Enum):
    """Kind of actor."""

    MODERATOR = enum.auto()
    OWNER = enum.auto()
    FILE = enum.auto()
    OPERATOR = enum.auto()


def _classify_actor(entry: AuditEntry) -> _Actor:
    if entry.source is DecisionSource.FILE:
        return _Actor.FILE
    if entry.source is DecisionSource.OPERATOR:
        return _Actor.OPERATOR
    return _Actor.OWNER if entry.guild_id == EVERYWHERE else _Actor.MODERATOR


_RECORDED = {
    _Actor.MODERATOR: tr_noop("{act} by {who} {when}"),
    _Actor.OWNER: tr_noop("{act} by the bot's owner {who} {when}"),
    _Actor.FILE: tr_noop("{act} by its file {when}"),
    _Actor.OPERATOR: tr_noop("{act} by the bot's operator {when}; this server no longer has to follow it"),
}
_FASTER = {
    _Actor.MODERATOR: tr_noop("{who} was faster: {act} {when}. Check it again before you decide."),
    _Actor.OWNER: tr_noop("The bot's owner {who} was faster: {act} {when}. Check it again before you decide."),
    _Actor.FILE: tr_noop("Its file changed first: {act} {when}. Check it again before you decide."),
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
    if entry.subject is AuditSubject.EDIT:
        return tr("edited") if entry.reverts_id is None else tr("edit undone")
    if entry.subject is AuditSubject.STORY:
        return describe_change(entry)
    if entry.subject is AuditSubject.FEED:
        return tr("feed added for every server")
    local, everywhere = _ACTS[Verdict(entry.after) if entry.after else None, entry.reverts_id is not None]
    return tr(everywhere if _classify_actor(entry) is _Actor.OWNER else local)


_STATES = {
    CardState.HELD: tr_noop("held"),
    CardState.PUBLISHED: tr_noop("published"),
    CardState.WITHDRAWN: tr_noop("withdrawn"),
    CardState.FOLLOWED: tr_noop("available"),
}


_ACTS = {
    (Verdict.PUBLISH, False): (tr_noop("published"), tr_noop("published everywhere")),
    (Verdict.WITHDRAW, False): (tr_noop("withdrawn"), tr_noop("withdrawn everywhere")),
    (Verdict.PUBLISH, True): (
        tr_noop("undone: published again"),
        tr_noop("undone: published again everywhere"),
    ),
    (Verdict.WITHDRAW, True): (
        tr_noop("undone: withdrawn again"),
        tr_noop("undone: withdrawn again everywhere"),
    ),
    (None, True): (tr_noop("decision undone"), tr_noop("decision undone everywhere")),
}
"""Actions as participles, by verdict and whether they undo one: in one guild, and everywhere."""


def _describe_reports(reports: Sequence[Report]) -> str:
    quoted = _quote_reports([fit_escaped(each, _FLAG) for each in _report_reasons(reports)])
    return f"🚩 **{_report_count_text(len(reports))}**{f': {quoted}' if quoted else ''}"


def _report_reasons(reports: Sequence[Report]) -> list[str]:
    return [" ".join(each.reason.split()) for each in reports if each.reason.strip()]


def _quote_reports(reasons: Sequence[str]) -> str:
    quotes = [tr("“{text}”", text=each) for each in reasons[:_FLAGS_QUOTED]]
    if (more := len(reasons) - _FLAGS_QUOTED) > 0:
        quotes.append(tr("+{count} more", count=format_number(more)))
    return " · ".join(quotes)


def _report_count_text(flags: int) -> str:
    return trn("Reported by {count} member", "Reported by {count} members", flags)


def waiting_note(card: StoredCard, reports: Sequence[Report]) -> str:
    """Return the line in the queue that says why a card is waiting, as plain text; `reports` are the newest first."""
    words = describe_state(card.card.state, card.card.held_reason, card.verdict, card.ruling)
    if not reports:
        return words
    quoted = _quote_reports([cut_text(each, _FLAG) for each in _report_reasons(reports)])
    return " · ".join(filter(None, [f"🚩 {_report_count_text(len(reports))}", words, quoted]))


_EXPLAINED = {
    HeldReason.COVERED: tr_noop("Another card covers the same story and lists this one as related."),
    HeldReason.UNSCORED: tr_noop("Its source hasn't rated it yet and may publish it later."),
    HeldReason.BELOW_BAR: tr_noop("Its story doesn't have enough coverage yet. Its source publishes from heat 70."),
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
    goes = " ".join(f"<#{channel}>" for channel in dict.fromkeys(channels)) or tr("No subscription here matches it.")
    embed.add_field(name=tr("Would be posted in"), value=goes, inline=False)
    return embed


def _format_score(score: int | None) -> str:
    if score is None:
        return tr("not rated yet")
    return tr("covered by another card") if score < 0 else format_number(score)


def log_text(entries: Sequence[AuditEntry], submitted: Mapping[int, Sequence[Submission]] | None = None) -> str:
    """Render the log, newest first. `submitted` are the people who submitted its cards.

    As text rather than an embed, in which clients may show users as bare ids.
    """
    people = submitted or {}

    def format_entry(entry: AuditEntry, room: int) -> str:
        is_about_feed = entry.subject is AuditSubject.FEED
        return _log_line(entry, () if is_about_feed else people.get(entry.card_id, ()), room)

    return fit_lines(entries, format_entry, CONTENT, separator="\n\n")


def _log_line(entry: AuditEntry, people: Sequence[Submission], room: int) -> str:
    sentence = format_record(entry)
    # Who publishes what they submitted themselves is named once.
    if others := [f"<@{each.user_id}>" for each in people[:_FLAGS_QUOTED] if each.user_id != entry.actor_id]:
        sentence = f"{sentence} · {tr('submitted by {people}', people=' '.join(others))}"
    title = fit_escaped(" ".join(entry.title.split()), min(_TITLE_IN_LOG, room - count_units(sentence) - 6))
    return f"**{title}**\n{sentence}" if title else ""
