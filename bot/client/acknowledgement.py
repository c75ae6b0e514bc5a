"""Acknowledge each interaction as it arrives, and respond to it afterwards.

Discord accepts an acknowledgement within 3 seconds and follow-up edits for 15 minutes after that.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import discord

from bot.client.interaction_metrics import seconds_since_arrival

_log = logging.getLogger(__name__)
ACKNOWLEDGED_AT_ONCE = 100
"""Maximum concurrent requests. During a flood of clicks it is faster to wait for an open connection than to open
another: connecting costs more CPU than the request, and Discord answers within a tenth of a second.
"""
FORM = "form"
"""Key in a command's `extras`: a function that returns the modal the command opens, or None to run the command."""
_HOW, _ANSWERED, _DISPATCHED = "acknowledgement", "answered", "dispatched"
"""Key in an interaction's `extras`."""
_TOO_LATE = 2.5
"""Seconds. Discord allows 3, minus the network delay."""
_UNKNOWN_MESSAGE = 10008
_ACKNOWLEDGED_ALREADY = 40060


class Acknowledgement(enum.Enum):
    """What the user sees first."""

    REPLY = "reply"
    """A deferred ephemeral reply ("thinking…"), which the response replaces."""
    UPDATE = "update"
    """A deferred update; the response edits the clicked message."""
    FORM = "form"
    """A modal, built from the interaction payload alone; anything else is read on submit."""


def mark_dispatched(interaction: discord.Interaction[Any]) -> None:
    """Mark the interaction as dispatched by discord.py to a handler."""
    interaction.extras[_DISPATCHED] = True


def is_dispatched(interaction: discord.Interaction[Any]) -> bool:
    """Return whether a handler was found for the interaction.

    Reliable in `on_interaction`: discord.py creates the handler's task before that event's task, tasks start in
    creation order, and a handler first calls `mark_dispatched`. `tests/client/test_acknowledgement.py` fails if a
    version of discord.py changes that.
    """
    return bool(interaction.extras.get(_DISPATCHED))


async def acknowledge_interaction(
    interaction: discord.Interaction[Any], how: Acknowledgement, form: discord.ui.Modal | None = None
) -> bool:
    """Acknowledge the interaction, with the modal if there is one.

    Return False if Discord rejects it: the user would not see a response, so the action must not run.
    """

    async def send() -> None:
        if form is not None:
            await interaction.response.send_modal(form)
        elif how is Acknowledgement.UPDATE:
            await interaction.response.defer()
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)

    try:
        async with interaction.client.acknowledging:
            if seconds_since_arrival(interaction) > _TOO_LATE:
                return False  # sending it anyway would delay the ones queued behind it
            await _send_with_retry(send)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        _log.warning("Interaction %s was not acknowledged: %s", interaction.id, error)
        return False
    interaction.extras[_HOW] = Acknowledgement.FORM if form is not None else how
    return True


async def _send_with_retry(send: Callable[[], Awaitable[None]]) -> None:
    try:
        await send()
    except (aiohttp.ClientError, OSError):
        try:
            await send()
        except discord.HTTPException as error:
            if error.code != _ACKNOWLEDGED_ALREADY:
                raise
            # The first request did arrive; only its response was lost.


async def answer_interaction(
    interaction: discord.Interaction[Any],
    content: str | None = discord.utils.MISSING,
    *,
    embed: discord.Embed | None = discord.utils.MISSING,
    embeds: Sequence[discord.Embed] = discord.utils.MISSING,
    view: discord.ui.View | discord.ui.LayoutView | None = discord.utils.MISSING,
    file: discord.File = discord.utils.MISSING,
) -> None:
    """Respond according to the acknowledgement: replace the deferred reply or edit the clicked message.

    Omitted arguments leave that part unchanged. If the message was deleted meanwhile, send an ephemeral follow-up.
    """
    values = {"content": content, "embed": embed, "embeds": embeds, "view": view}
    message: dict[str, Any] = {name: value for name, value in values.items() if value is not discord.utils.MISSING}
    attachments = [] if file is discord.utils.MISSING else [file]
    try:
        await interaction.edit_original_response(**message, attachments=attachments or discord.utils.MISSING)
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise
        shown = {name: value for name, value in message.items() if value is not None}
        await interaction.followup.send(**shown, files=attachments, ephemeral=True)
    interaction.extras[_ANSWERED] = True


async def send_private(interaction: discord.Interaction[Any], text: str) -> None:
    """Send an ephemeral message, whatever was sent before. Never raises."""
    try:
        await _try_send_private(interaction, text)
    except (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError) as error:
        _log.warning("Interaction %s could not be answered: %s", interaction.id, error)


async def _try_send_private(interaction: discord.Interaction[Any], text: str) -> None:
    how = interaction.extras.get(_HOW)
    if interaction.type is discord.InteractionType.autocomplete:
        await interaction.response.autocomplete([])
    elif how is None and not interaction.response.is_done():
        await interaction.response.send_message(text, ephemeral=True)
    elif how is Acknowledgement.REPLY and not interaction.extras.get(_ANSWERED):
        await answer_interaction(interaction, text, embeds=[], view=None)
    else:
        await interaction.followup.send(text, ephemeral=True)
