"""Context of an interaction's task: its id for the log, and the user's locale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.language import language_of, speak
from bot.logs import belongs_to_interaction


def note(interaction: discord.Interaction[Any]) -> None:
    """Set the task's language and the interaction id of its log records. User input is never logged."""
    belongs_to_interaction(interaction.id, typed(interaction.data or {}))
    speak(language_of(interaction.locale))


def typed(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts in command options and modal fields, at any depth."""
    if isinstance(value := data.get("value"), str):
        yield value
    for below in ("options", "components", "component"):
        inner = data.get(below) or ()
        for part in [inner] if isinstance(inner, Mapping) else inner:
            if isinstance(part, Mapping):
                yield from typed(part)
