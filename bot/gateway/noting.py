"""What the answer to an interaction goes by: whose it is, in the log, and the language of the person who asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.language import language_of, speak
from bot.logs import belongs_to_interaction


def note(interaction: discord.Interaction[Any]) -> None:
    """This task speaks the person's language from now on; what it logs carries the interaction's id, and nothing that
    they typed.
    """
    belongs_to_interaction(interaction.id, typed(interaction.data or {}))
    speak(language_of(interaction.locale))


def typed(data: Mapping[str, Any]) -> Iterator[str]:
    """The texts in options of a command and in fields of a form, however deep."""
    if isinstance(value := data.get("value"), str):
        yield value
    for below in ("options", "components", "component"):
        inner = data.get(below) or ()
        for part in [inner] if isinstance(inner, Mapping) else inner:
            if isinstance(part, Mapping):
                yield from typed(part)
