"""Which interaction a line of the log belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.logs import belongs_to_interaction


def note(interaction: discord.Interaction[Any]) -> None:
    """What this task logs from now on carries the interaction's id, and nothing that its member typed."""
    belongs_to_interaction(interaction.id, typed(interaction.data or {}))


def typed(data: Mapping[str, Any]) -> Iterator[str]:
    """The texts in options of a command and in fields of a form, however deep."""
    if isinstance(value := data.get("value"), str):
        yield value
    for below in ("options", "components", "component"):
        inner = data.get(below) or ()
        for part in [inner] if isinstance(inner, Mapping) else inner:
            if isinstance(part, Mapping):
                yield from typed(part)
