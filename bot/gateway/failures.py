"""One answer for every failure: whatever broke, the person who asked hears of it."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Self

import aiohttp
import discord
from discord import app_commands

from bot.errors import UserError
from bot.gateway.measuring import measure, note_failure
from bot.gateway.noting import note
from bot.language import marked, tr, trn
from bot.render.markdown import bold_names

_log = logging.getLogger(__name__)
_ANSWERED_WITHIN = 2.0
"""Seconds after which what has no answer will get none; Discord waits for 3."""
_EXPIRED = {10062, 40060}  # unknown interaction; already acknowledged
_PERMISSIONS = {"manage_messages": marked("Manage Messages")}
"""Those that commands ask for, by the names of Discord's settings."""


async def report(interaction: discord.Interaction[Any], error: Exception) -> None:
    """Tell the person what went wrong, only visible to them. Never raises."""
    cause = getattr(error, "original", error)
    note_failure(interaction, cause)
    if isinstance(cause, discord.HTTPException) and cause.code in _EXPIRED:
        _log.warning("Interaction %s ran out of time: %s", interaction.id, cause)
        return
    await _tell(interaction, _words(interaction, cause))


def _words(interaction: discord.Interaction[Any], error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, aiohttp.ClientConnectionError):
        _log.warning("The connection broke in interaction %s: %s", interaction.id, error)
        return tr("The connection to Discord broke while I answered. Please try again.")
    if isinstance(error, app_commands.NoPrivateMessage):
        return tr("This works in a server only, not in a direct message.")
    if isinstance(error, app_commands.MissingPermissions):
        names = [tr(_PERMISSIONS.get(name, name)) for name in error.missing_permissions]
        return tr("You need the permission {permission} for this.", permission=bold_names(names))
    if isinstance(error, app_commands.CommandOnCooldown):
        seconds = round(error.retry_after)
        return trn(
            "Slow down a little: try again in {count} second.",
            "Slow down a little: try again in {count} seconds.",
            seconds,
        )
    if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return tr("This command has changed since your Discord last looked. Restart the app and try again.")
    reference = secrets.token_hex(4)
    _log.error("Failure %s in interaction %s", reference, interaction.id, exc_info=error)
    return tr(
        "Sorry, something went wrong on our side. If it happens again, tell an administrator this code: `{code}`",
        code=reference,
    )


async def _tell(interaction: discord.Interaction[Any], text: str) -> None:
    nobody = discord.AllowedMentions.none()
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True, allowed_mentions=nobody)
        else:
            await interaction.response.send_message(text, ephemeral=True, allowed_mentions=nobody)
    except (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError) as error:
        _log.warning("Interaction %s could not be answered: %s", interaction.id, error)


async def say_stale(interaction: discord.Interaction[Any]) -> None:
    """Answer a component or a modal that nothing else answers: discord.py would stay silent."""
    if interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
        note(interaction)
        await asyncio.sleep(_ANSWERED_WITHIN)
        if not interaction.response.is_done():
            await _tell(interaction, tr("This is not open any more. Ask for it again."))


class Answering:
    """For dynamic items, placed *before* `DynamicItem` in the bases: discord.py would only log what `act` raises."""

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        measure(interaction, cls.__name__)
        note(interaction)
        return cls.carrying(match)

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        """The item again, from what its `custom_id` carries."""
        raise NotImplementedError

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        try:
            await self.act(interaction)
        except Exception as error:  # noqa: BLE001 - the failure boundary: everything is answered
            await report(interaction, error)

    async def act(self, interaction: discord.Interaction[Any]) -> None:
        """What happens on a click."""
        raise NotImplementedError


class AnsweringView(discord.ui.View):
    """A view whose items' failures answer."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        measure(interaction, type(self).__name__)
        note(interaction)
        return True

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _item: discord.ui.Item[Any], /
    ) -> None:
        await report(interaction, error)


class AnsweringModal(discord.ui.Modal):
    """A modal whose failures answer."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        measure(interaction, type(self).__name__)
        note(interaction)
        return True

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, /) -> None:  # type: ignore[override]  # as Modal's own
        await report(interaction, error)


_Suggest = Callable[[discord.Interaction[Any], str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]


def suggesting(complete: _Suggest) -> _Suggest:
    """An autocomplete that suggests nothing when it fails: there is no way to say more."""

    async def safe(interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        try:
            return await complete(interaction, current)
        except Exception as error:  # noqa: BLE001 - the failure boundary of autocomplete
            note_failure(interaction, error)
            _log.exception("Autocomplete failed in interaction %s", interaction.id)
            return []

    return safe
