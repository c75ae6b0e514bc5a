"""Discord's side of languages: the commands' names in each of them, and which one a server has chosen."""

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
    """Names, descriptions and choices of the commands from the catalogues."""

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
    """Keeps the store's notes of the servers' languages up to date, and reads them once: after a failure of the
    gateway thousands of servers may come back one by one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, str] | None = None

    async def note(self, guilds: Iterable[discord.Guild]) -> None:
        """Remember the language of each of these servers that has changed it since the last time."""
        if self._known is None:
            self._known = await self._store.languages.of_servers()
        spoken = {guild.id: language_of(guild.preferred_locale) for guild in guilds}
        known = self._known
        changed = {server: language for server, language in spoken.items() if language != known.get(server, ENGLISH)}
        if changed:
            await self._store.languages.note(changed)
            known |= changed


class MemberLanguages:
    """Keeps members' own digests in the language that each of them speaks now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, str] = {}

    async def note(self, user_id: int, language: str) -> None:
        """Remember what somebody spoke in their last interaction; the store is asked only when it is another one."""
        if self._known.get(user_id) == language:
            return
        await self._store.follows.speak(user_id, language)
        if len(self._known) >= _MEMBERS_KEPT:
            self._known.clear()
        self._known[user_id] = language


def in_servers_words(interaction: discord.Interaction[Any]) -> str:
    """The language of what everybody in the channel will read."""
    return language_of(interaction.guild_locale or interaction.locale)
