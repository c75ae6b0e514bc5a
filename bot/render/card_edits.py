"""What moderators edited of a card, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.cards.urls import redact_url
from bot.domain.card_edit import CardEdit, parse_change
from bot.i18n import format_list, tr, tr_noop
from bot.render.markdown import cut_text, fit_escaped
from bot.store.moderation.audit_log import AuditEntry

_VALUE = 60
"""Maximum characters of a value: with all fields before and after, an entry of the log stays readable."""
_FIELDS = {
    "title": tr_noop("title"),
    "excerpt": tr_noop("excerpt"),
    "image_url": tr_noop("picture"),
    "topics": tr_noop("topics"),
}


def describe_changes(entry: AuditEntry) -> str:
    """Return what an edit changed: `title “One” → “Two”; topics Space → Mars`."""
    before, after = parse_change(entry.before).shown, parse_change(entry.after).shown
    parts = [_describe_field(name, before, after) for name in _FIELDS if name in before or name in after]
    return "; ".join(parts)


def _describe_field(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    field, now = tr(_FIELDS[name]), _describe_value(name, after.get(name))
    # Entries of when only topics could be edited do not know what was there before.
    if name not in before:
        return tr("{field} {after}", field=field, after=now)
    return tr("{field} {before} → {after}", field=field, before=_describe_value(name, before[name]), after=now)


def _describe_value(name: str, value: Any) -> str:
    if not value:
        return tr("(none)")
    if name == "topics":
        return fit_escaped(", ".join(map(str, value)), _VALUE)
    if name == "image_url":
        # As code, so that Discord shows no preview of it.
        return f"`{cut_text(redact_url(str(value)).replace('`', ''), _VALUE)}`"
    return tr("“{text}”", text=fit_escaped(" ".join(str(value).split()), _VALUE))


def describe_edit(edit: CardEdit) -> str:
    """Return the line above a card that is being edited, saying what is edited of it already."""
    text = tr("Only this server sees your changes. Fields you don't change keep following the source.")
    fields = [tr(_FIELDS[name]) for name in _FIELDS if getattr(edit, name) is not None]
    return f"{text}\n{tr('Edited so far: {fields}.', fields=format_list(fields))}" if fields else text
