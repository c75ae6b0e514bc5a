"""What several components need to know of each other: no more than the prefixes of their custom ids."""

from __future__ import annotations

import discord

SHARE_PREFIX = "nd:show:"


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
