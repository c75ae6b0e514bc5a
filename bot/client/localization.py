"""Discord's localization: translated command names, and the locale of each guild."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.i18n import ENGLISH, language_for_locale, load_catalogue, tr_command_name
from bot.store import Store

_MEMBERS_KEPT = 10_000
_NAMES = {Location.command_name, Location.group_name, Location.parameter_name}


class CommandTranslator(app_commands.Translator):
    """Translates command names, descriptions and choices with the message catalogues."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes, /
    ) -> str | None:
        language = language_for_locale(locale)
        if language == ENGLISH:
            return None
        text = string.message
        translated = (
            tr_command_name(text, language) if context.location in _NAMES else load_catalogue(language).gettext(text)
        )
        return translated if translated != text else None


class GuildLanguages:
    """Keeps the guilds' locales in the store up to date. They are read once and cached: after a gateway outage
    thousands of guilds may become available one by one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, str] | None = None

    async def store_changes(self, guilds: Iterable[discord.Guild]) -> None:
        """Store the locale of each of these guilds whose locale changed."""
        if self._known is None:
            self._known = await self._store.subscriptions.guild_settings.languages_by_guild()
        spoken = {guild.id: language_for_locale(guild.preferred_locale) for guild in guilds}
        known = self._known
        changed = {server: language for server, language in spoken.items() if language != known.get(server, ENGLISH)}
        if changed:
            await self._store.subscriptions.guild_settings.store_languages(changed)
            known |= changed


class MemberLanguages:
    """Keeps personal digests in their member's current locale."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, str] = {}

    async def store_language(self, user_id: int, language: str) -> None:
        """Record the locale of a user's latest interaction; access the store only if it changed."""
        if self._known.get(user_id) == language:
            return
        await self._store.subscriptions.personal_digests.set_language(user_id, language)
        if len(self._known) >= _MEMBERS_KEPT:
            self._known.clear()
        self._known[user_id] = language


def in_guild_language(interaction: discord.Interaction[Any]) -> str:
    """Return the locale for text that everyone in the channel reads."""
    return language_for_locale(interaction.guild_locale or interaction.locale)
