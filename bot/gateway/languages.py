"""Discord's localization: translated command names, and the locale of each guild."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.language import ENGLISH, catalogue, language_of, named
from bot.store import Store

_MEMBERS_KEPT = 10_000
_NAMES = {Location.command_name, Location.group_name, Location.parameter_name}


class CommandTranslator(app_commands.Translator):
    """Translates command names, descriptions and choices with the message catalogues."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes, /
    ) -> str | None:
        language = language_of(locale)
        if language == ENGLISH:
            return None
        text = string.message
        said = named(text, language) if context.location in _NAMES else catalogue(language).gettext(text)
        return said if said != text else None


class ServerLanguages:
    """Keeps the guilds' locales in the store up to date. They are read once and cached: after a gateway outage
    thousands of guilds may become available one by one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, str] | None = None

    async def note(self, guilds: Iterable[discord.Guild]) -> None:
        """Store the locale of each of these guilds whose locale changed."""
        if self._known is None:
            self._known = await self._store.languages.of_servers()
        spoken = {guild.id: language_of(guild.preferred_locale) for guild in guilds}
        known = self._known
        changed = {server: language for server, language in spoken.items() if language != known.get(server, ENGLISH)}
        if changed:
            await self._store.languages.note(changed)
            known |= changed


class MemberLanguages:
    """Keeps personal digests in their member's current locale."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, str] = {}

    async def note(self, user_id: int, language: str) -> None:
        """Record the locale of a user's latest interaction; access the store only if it changed."""
        if self._known.get(user_id) == language:
            return
        await self._store.follows.speak(user_id, language)
        if len(self._known) >= _MEMBERS_KEPT:
            self._known.clear()
        self._known[user_id] = language


def in_servers_words(interaction: discord.Interaction[Any]) -> str:
    """Return the locale for text that everyone in the channel reads."""
    return language_of(interaction.guild_locale or interaction.locale)
