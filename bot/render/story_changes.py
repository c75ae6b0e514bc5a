"""What moderators did with stories, in words."""

from __future__ import annotations

from bot.domain.story_change import StoryAct, StoryChange
from bot.i18n import tr, tr_noop
from bot.render.markdown import fit_escaped
from bot.store.moderation.audit_log import AuditEntry

_TITLE = 120
_MARKS = {StoryAct.SPLIT: "✂️", StoryAct.JOIN: "🔗"}
_DONE = {
    StoryAct.SPLIT: tr_noop("{title} is a story of its own in this server. The posts follow in a moment."),
    StoryAct.JOIN: tr_noop("{title} and **{other}** are one story in this server. The posts follow in a moment."),
}
_UNDONE = {
    StoryAct.SPLIT: tr_noop("{title} is back in its story. The posts follow in a moment."),
    StoryAct.JOIN: tr_noop("{title} and **{other}** are two stories again. The posts follow in a moment."),
}
_RECORDED = {
    StoryAct.SPLIT: tr_noop("split from its story"),
    StoryAct.JOIN: tr_noop("joined with the story of “{other}”"),
}
_RECORDED_UNDONE = {StoryAct.SPLIT: tr_noop("split undone"), StoryAct.JOIN: tr_noop("join with “{other}” undone")}


def describe_done(entry: AuditEntry, title: str) -> str:
    """Describe a split, a join or its undoing to its moderator."""
    change = _read_change(entry)
    return tr((_UNDONE if entry.reverts_id else _DONE)[change.act], title=title, other=_fit_title(change))


def describe_change(entry: AuditEntry) -> str:
    """Return what was done as a participle."""
    change = _read_change(entry)
    return tr((_RECORDED_UNDONE if entry.reverts_id else _RECORDED)[change.act], other=_fit_title(change))


def story_mark(entry: AuditEntry) -> str:
    """Return the mark of an entry in the log."""
    return "↩️" if entry.reverts_id else _MARKS[_read_change(entry).act]


def _read_change(entry: AuditEntry) -> StoryChange:
    # An import may have brought something else.
    return StoryChange.from_json(entry.after or entry.before) or StoryChange(StoryAct.SPLIT)


def _fit_title(change: StoryChange) -> str:
    return fit_escaped(" ".join(change.title.split()), _TITLE)
