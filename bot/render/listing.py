"""As many entries of a list as fit, then how many more there are; and a related story as one such entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.cards.model import Related
from bot.language import number, tr
from bot.render.limits import units
from bot.render.markdown import fitted, fitted_link

STORY_TITLE = 120
_PROVIDER = 60
_SHORTEST = 40
"""An entry with less room than this is counted, not shown."""
_MORE = 24
"""Kept for how many more there are, in any language."""

Entry = TypeVar("Entry")


def listed(
    entries: Sequence[Entry], form: Callable[[Entry, int], str], limit: int, *, at_most: int | None = None
) -> str:
    """One entry a line. `form` writes an entry in the room it is given; what does not fit is a number at the end."""
    lines: list[str] = []
    left = limit
    shown = entries[:at_most]
    for index, entry in enumerate(shown):
        last = index + 1 == len(entries)
        room = left - (0 if last else _MORE) - _kept_for(len(shown) - index - 1, limit)
        line = form(entry, room) if room >= min(_SHORTEST, limit) else ""
        if not line:
            break
        lines.append(line)
        left -= units(line) + 1
    return "\n".join(lines + _more(len(entries) - len(lines))) if lines else ""


def room_for(lines: Sequence[str]) -> int:
    """The limit with which `listed` shows all of these entries whole."""
    return _MORE + sum(max(units(line), _SHORTEST) + 1 for line in lines)


def _kept_for(others: int, limit: int) -> int:
    """In a short list one long address must not take the room of the others; in a long one the first come first."""
    return others * _SHORTEST if others * _SHORTEST * 4 <= limit else 0


def _more(left_out: int) -> list[str]:
    return [tr("+{count} more", count=number(left_out))] if left_out > 0 else []


def story(related: Related, room: int) -> str:
    """`[title](address) · provider`; only the words where the address is too long for the room."""
    provider = fitted(related.provider.strip(), _PROVIDER)
    behind = f" · {provider}" if provider else ""
    room -= units(behind)
    linked = fitted_link(related.title, related.url, min(room, units(related.url) + STORY_TITLE)) if related.url else ""
    words = linked or fitted(" ".join(related.title.split()), min(room, STORY_TITLE))
    return words + behind if words else ""
