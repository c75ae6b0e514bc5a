"""What several components share: the layout of rows, and the prefixes of custom ids that others look for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import discord

SHARE_PREFIX = "nd:show:"
ROW_SIZE = 5
"""Maximum buttons per row (Discord's component layout)."""


def arrange_rows(*groups: Iterable[discord.ui.Item[Any] | None]) -> discord.ui.View:
    """Lay out the items; each group starts a new row."""
    view, row = _empty_view(), 0
    for group in groups:
        items = [item for item in group if item]
        for index, item in enumerate(items):
            item.row = row + index // ROW_SIZE
            view.add_item(item)
        # Ceiling division: an empty group takes no row.
        row += -(-len(items) // ROW_SIZE)
    return view


def add_row(view: discord.ui.View, *items: discord.ui.Item[Any]) -> discord.ui.View:
    """Return the view with these items in a row below the others."""
    below = max((item.row or 0 for item in view.children), default=-1) + 1
    for item in items:
        item.row = below
        view.add_item(item)
    return view


def list_rows(message: discord.Message | None) -> list[list[Any]]:
    """Return the items of a message by row, to be changed and sent again."""
    items = discord.ui.View.from_message(message).children if message else []
    return [list(row) for _, row in groupby(items, key=lambda item: item.row)]


def iter_displayed_texts(components: Iterable[Any]) -> Iterator[str]:
    """Yield the texts of a message's components, nested ones included."""
    for component in components:
        if isinstance(component, discord.TextDisplay):
            yield component.content
        yield from iter_displayed_texts(getattr(component, "children", ()))


def _empty_view() -> discord.ui.View:
    """Create a view without timeout, since its buttons are handled as long as the message exists.

    It is stopped at once: discord.py would keep every view in memory forever, and a `DynamicItem` does not need it.
    """
    view = discord.ui.View(timeout=None)
    view.stop()
    return view


def can_be_shared(message: discord.Message | None) -> bool:
    """Return whether a reply still has the button that shares it."""
    return message is not None and any(
        _is_share_button(item) for row in message.components for item in getattr(row, "children", ())
    )


def without_share_button(view: discord.ui.View) -> discord.ui.View:
    """Return the view without the button that shares it."""
    for item in list(view.children):
        if _is_share_button(item):
            view.remove_item(item)
    return view


def _is_share_button(item: object) -> bool:
    return (getattr(item, "custom_id", None) or "").startswith(SHARE_PREFIX)
