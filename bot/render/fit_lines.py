"""Lists truncated to a limit, with the number of omitted entries; and a related story as such an entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.cards.model import RelatedArticle
from bot.i18n import format_number, tr
from bot.render.limits import count_units
from bot.render.markdown import fit_escaped, fit_link

STORY_TITLE = 120
_PROVIDER = 60
_SHORTEST = 40
"""Minimum room for an entry; with less it is counted as omitted."""
_MORE = 24
"""Room reserved for the number of omitted entries, in any language."""

Entry = TypeVar("Entry")


def fit_lines(
    entries: Sequence[Entry],
    form: Callable[[Entry, int], str],
    limit: int,
    *,
    at_most: int | None = None,
    separator: str = "\n",
) -> str:
    """Format one entry per line. `form` renders an entry within the given room; a last line counts the omitted ones."""
    lines: list[str] = []
    remaining = limit
    shown = entries[:at_most]
    for index, entry in enumerate(shown):
        # With the last entry nothing is omitted, so that no room is needed to say so.
        last = index + 1 == len(entries)
        room = remaining - (0 if last else _MORE) - _reserved_for(len(shown) - index - 1, limit)
        line = form(entry, room) if room >= min(_SHORTEST, limit) else ""
        if not line:
            break
        lines.append(line)
        remaining -= count_units(line) + count_units(separator)
    return separator.join(lines + _more_lines(len(entries) - len(lines))) if lines else ""


def required_room(lines: Sequence[str]) -> int:
    """Return the limit with which `fit_lines` shows all of these entries untruncated."""
    return _MORE + sum(max(count_units(line), _SHORTEST) + 1 for line in lines)


def _reserved_for(others: int, limit: int) -> int:
    """Return the room to reserve for later entries: in a short list one long URL must not crowd out the others."""
    return others * _SHORTEST if others * _SHORTEST * 4 <= limit else 0


def _more_lines(left_out: int) -> list[str]:
    return [tr("+{count} more", count=format_number(left_out))] if left_out > 0 else []


def format_story(related: RelatedArticle, room: int) -> str:
    """Return `[title](address) · provider`; without the link if the URL does not fit."""
    provider = fit_escaped(related.provider.strip(), _PROVIDER)
    behind = f" · {provider}" if provider else ""
    room -= count_units(behind)
    linked = (
        fit_link(related.title, related.url, min(room, count_units(related.url) + STORY_TITLE)) if related.url else ""
    )
    words = linked or fit_escaped(" ".join(related.title.split()), min(room, STORY_TITLE))
    return words + behind if words else ""
