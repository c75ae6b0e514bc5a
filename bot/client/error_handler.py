"""Error handling for interactions: every failure produces a reply to the user."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Self

import aiohttp
import discord
from discord import app_commands

from bot.client.acknowledgement import (
    Acknowledgement,
    acknowledge_interaction,
    is_dispatched,
    mark_dispatched,
    send_private,
)
from bot.client.interaction_context import bind_interaction_context
from bot.client.interaction_metrics import measure_interaction, record_failure, record_unanswered, seconds_since_arrival
from bot.client.interaction_queue import MAX_COMPLETION_SECONDS
from bot.errors import UserError
from bot.i18n import current_language, tr, tr_noop, trn
from bot.metrics import InteractionFailure
from bot.render.markdown import bold_names

_log = logging.getLogger(__name__)
_EXPIRED = {10015, 10062, 40060, 50027}  # unknown webhook, unknown interaction, already acknowledged, invalid token
_PERMISSIONS = {
    "manage_messages": tr_noop("Manage Messages"),
    "manage_channels": tr_noop("Manage Channels"),
    "manage_guild": tr_noop("Manage Server"),
}
"""Permissions that commands require, by their names in Discord's settings."""


async def report_error(interaction: discord.Interaction[Any], error: Exception) -> None:
    """Report the error to the user in an ephemeral message. Never raises."""
    cause = getattr(error, "original", error)
    record_failure(interaction, cause)
    if isinstance(cause, discord.HTTPException) and cause.code in _EXPIRED:
        _log.warning("Interaction %s expired: %s", interaction.id, cause)
        return
    await send_private(interaction, _error_text(interaction, cause))


def _error_text(interaction: discord.Interaction[Any], error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, aiohttp.ClientConnectionError):
        _log.warning("Connection lost in interaction %s: %s", interaction.id, error)
        return tr("I lost the connection to Discord while answering. Please try again.")
    if isinstance(error, app_commands.NoPrivateMessage):
        return tr("This only works in a server, not in direct messages.")
    if isinstance(error, app_commands.MissingPermissions):
        names = [tr(_PERMISSIONS.get(name, name)) for name in error.missing_permissions]
        return tr("You need the {permission} permission for this.", permission=bold_names(names))
    if isinstance(error, app_commands.TransformerError):
        return tr("I can't see that channel or thread. If it's archived, post a message in it, then choose it again.")
    if isinstance(error, app_commands.CommandOnCooldown):
        seconds = round(error.retry_after)
        return trn(
            "Slow down a little. Try again in {count} second.",
            "Slow down a little. Try again in {count} seconds.",
            seconds,
        )
    if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return tr("This command was updated. Restart Discord and try again.")
    reference = secrets.token_hex(4)
    _log.error("Failure %s in interaction %s", reference, interaction.id, exc_info=error)
    return tr(
        "Sorry, something went wrong. If it happens again, give an administrator this code: `{code}`",
        code=reference,
    )


async def receive_interaction(
    interaction: discord.Interaction[Any],
    how: Acknowledgement = Acknowledgement.REPLY,
    form: Callable[[discord.Interaction[Any]], discord.ui.Modal | None] | None = None,
    name: str = "",
) -> bool:
    """Acknowledge an interaction before any I/O, then wait for its turn in the work queue.

    Return whether the current task should continue; if `form` returns a modal, that completes the interaction.
    Never raises.
    """
    mark_dispatched(interaction)
    measure_interaction(interaction, name)
    bind_interaction_context(interaction)
    try:
        modal = form(interaction) if form else None
    except Exception as error:  # noqa: BLE001 - failure boundary: every interaction gets a reply
        await report_error(interaction, error)
        return False
    if not await acknowledge_interaction(interaction, how, modal):
        record_unanswered(interaction, InteractionFailure.LATE)
        return False
    if modal is not None:
        return False
    if await interaction.client.workload.enter_queue(_queue_key(interaction, how)):
        await _note_language(interaction)
        return True
    record_unanswered(interaction, InteractionFailure.BUSY)
    await send_private(interaction, tr("I'm busy right now, so nothing was changed. Please try again."))
    return False


async def _note_language(interaction: discord.Interaction[Any]) -> None:
    try:
        await interaction.client.member_languages.store_language(interaction.user.id, current_language())
    except Exception:  # noqa: BLE001 - the requested action does not depend on it
        _log.exception("Could not record a member's locale")


def _queue_key(interaction: discord.Interaction[Any], how: Acknowledgement) -> Hashable:
    """Return the key whose work must not overlap: edits of one message, or one user's clicks on it."""
    if interaction.message is None:
        return None
    return interaction.message.id if how is Acknowledgement.UPDATE else (interaction.message.id, interaction.user.id)


async def answer_expired_component(interaction: discord.Interaction[Any], words: str) -> None:
    """Reply to a component or modal without a handler; discord.py would ignore it."""
    requests = interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit)
    if requests and not is_dispatched(interaction):
        await send_private(interaction, words or tr("This has expired. Run the command again."))


class ErrorReportingItem:
    """Mixin for view items, placed *before* discord.py's class in the bases.

    A subclass sets `acknowledgement`, or overrides `acknowledgement_of` if it depends on the click. One that opens a
    modal builds it in `build_form`.
    """

    acknowledgement = Acknowledgement.REPLY

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:  # noqa: ARG002
        return self.acknowledgement

    def build_form(self, interaction: discord.Interaction[Any]) -> discord.ui.Modal:
        """Build the modal from the interaction payload. Raises `UserError`."""
        raise NotImplementedError

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls.from_match(match)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Rebuild the item from its `custom_id`."""
        raise NotImplementedError

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        how = self.acknowledgement_of(interaction)
        owner = getattr(self, "view", None)
        name = type(owner if isinstance(owner, ErrorReportingView) else self).__name__
        return await receive_interaction(
            interaction, how, self.build_form if how is Acknowledgement.FORM else None, name
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        try:
            await self.handle_click(interaction)
        except Exception as error:  # noqa: BLE001 - failure boundary: discord.py would only log it
            await report_error(interaction, error)

    async def handle_click(self, interaction: discord.Interaction[Any]) -> None:
        """Handle the click."""
        raise NotImplementedError


class ErrorReportingView(discord.ui.View):
    """A view that reports its items' failures. Items other than `ErrorReportingItem` get a deferred reply."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        return is_dispatched(interaction) or await receive_interaction(interaction, name=type(self).__name__)

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _item: discord.ui.Item[Any], /
    ) -> None:
        await report_error(interaction, error)


class ErrorReportingModal(discord.ui.Modal):
    """A modal that reports its failures. `acknowledgement` and `acknowledgement_of` as in `ErrorReportingItem`."""

    acknowledgement = Acknowledgement.REPLY

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:  # noqa: ARG002
        return self.acknowledgement

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        return await receive_interaction(interaction, self.acknowledgement_of(interaction), name=type(self).__name__)

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, /) -> None:  # type: ignore[override]  # as Modal's own
        await report_error(interaction, error)


_Choices = list[app_commands.Choice[str]]
_Suggest = Callable[[discord.Interaction[Any], str], Coroutine[Any, Any, _Choices]]
_completing: set[asyncio.Task[_Choices]] = set()


def safe_autocomplete(complete: _Suggest) -> _Suggest:
    """Wrap an autocomplete callback: on error or timeout return no choices, as Discord cannot show an error there."""

    async def wrapper(interaction: discord.Interaction[Any], current: str) -> _Choices:
        left = MAX_COMPLETION_SECONDS - seconds_since_arrival(interaction)
        completing = asyncio.create_task(_run_completion(complete, interaction, current))
        _completing.add(completing)
        completing.add_done_callback(_completing.discard)
        # On timeout let it run on: a query in progress cannot be cancelled.
        done, _ = await asyncio.wait({completing}, timeout=max(left, 0.0))
        if not done:
            record_unanswered(interaction, InteractionFailure.LATE)
            return []
        return completing.result()

    return wrapper


async def _run_completion(complete: _Suggest, interaction: discord.Interaction[Any], current: str) -> _Choices:
    try:
        if not await interaction.client.completions.enter_queue():
            record_unanswered(interaction, InteractionFailure.BUSY)
            return []
        return await complete(interaction, current)
    except Exception as error:  # noqa: BLE001 - failure boundary of autocomplete
        record_failure(interaction, error)
        _log.exception("Autocomplete failed in interaction %s", interaction.id)
        return []
