"""Context of an interaction's task: its id for the log, and the user's locale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.i18n import activate_language, language_for_locale
from bot.logging_config import bind_interaction


def bind_interaction_context(interaction: discord.Interaction[Any]) -> None:
    """Set the task's language and the interaction id of its log records. User input is never logged."""
    bind_interaction(interaction.id, iter_typed_texts(interaction.data or {}))
    activate_language(language_for_locale(interaction.locale))


def iter_typed_texts(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts in command options and modal fields, at any depth."""
    if isinstance(value := data.get("value"), str):
        yield value
    for below in ("options", "components", "component"):
        inner = data.get(below) or ()
        for part in [inner] if isinstance(inner, Mapping) else inner:
            if isinstance(part, Mapping):
                yield from iter_typed_texts(part)
