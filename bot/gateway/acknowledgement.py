"""How each interaction is acknowledged as it arrives, and how it is answered afterwards.

Discord takes an acknowledgement for 3 seconds, and an answer for 15 minutes after it.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import discord

from bot.gateway.measuring import seconds_since_arrival

_log = logging.getLogger(__name__)
ACKNOWLEDGED_AT_ONCE = 100
"""Requests. A flood of clicks that opens a connection for each of them is acknowledged later than one that waits for
those there are: a new one costs more of the processor than the request, and Discord answers within a tenth of a second.
"""
FORM = "form"
"""In a command's `extras`: makes the form that the command opens, or None when it is to be carried out."""
_HOW, _ANSWERED, _DISPATCHED = "acknowledgement", "answered", "dispatched"
"""What is noted in an interaction's `extras`."""
_TOO_LATE = 2.5
"""Seconds. Discord takes an acknowledgement for 3, and hears of it a little later."""
_UNKNOWN_MESSAGE = 10008
_ACKNOWLEDGED_ALREADY = 40060


class Acknowledgement(enum.Enum):
    """What the person sees at once."""

    REPLY = "reply"
    """The bot thinks, in a message that only this person sees; the answer takes its place."""
    UPDATE = "update"
    """Nothing yet; the answer changes the message that was clicked."""
    FORM = "form"
    """A form. It is made of what the interaction itself carries; what else it takes is read when it is submitted."""


def mark_dispatched(interaction: discord.Interaction[Any]) -> None:
    """Note that discord.py found somebody to handle the interaction."""
    interaction.extras[_DISPATCHED] = True


def is_dispatched(interaction: discord.Interaction[Any]) -> bool:
    """Whether somebody handles the interaction.

    This is known for certain in `on_interaction`: discord.py starts the handler's task before that event's, tasks
    start in the order in which they were made, and a handler's first step is `mark_dispatched`. The test
    `tests/gateway/test_acknowledgement.py` fails when a version of discord.py does otherwise.
    """
    return bool(interaction.extras.get(_DISPATCHED))


async def acknowledge(
    interaction: discord.Interaction[Any], how: Acknowledgement, form: discord.ui.Modal | None = None
) -> bool:
    """Acknowledge, with the form if there is one.

    Returns False when Discord does not take it: nobody sees an answer then, so nothing may be done.
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
                return False  # to send it would make those behind it late as well
            await _sent_at_most_twice(send)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        _log.warning("Interaction %s was not acknowledged: %s", interaction.id, error)
        return False
    interaction.extras[_HOW] = Acknowledgement.FORM if form is not None else how
    return True


async def _sent_at_most_twice(send: Callable[[], Awaitable[None]]) -> None:
    try:
        await send()
    except (aiohttp.ClientError, OSError):
        try:
            await send()
        except discord.HTTPException as error:
            if error.code != _ACKNOWLEDGED_ALREADY:
                raise
            # The first one had arrived, and only its answer was lost.


async def answer(
    interaction: discord.Interaction[Any],
    content: str | None = discord.utils.MISSING,
    *,
    embed: discord.Embed | None = discord.utils.MISSING,
    embeds: Sequence[discord.Embed] = discord.utils.MISSING,
    view: discord.ui.View | None = discord.utils.MISSING,
    file: discord.File = discord.utils.MISSING,
) -> None:
    """Answer in the way that the interaction was acknowledged: in place of the thinking, or in the clicked message.

    What is left out stays as it is. A message that was deleted meanwhile is followed by one for this person alone.
    """
    given = {"content": content, "embed": embed, "embeds": embeds, "view": view}
    message: dict[str, Any] = {name: value for name, value in given.items() if value is not discord.utils.MISSING}
    attachments = [] if file is discord.utils.MISSING else [file]
    try:
        await interaction.edit_original_response(**message, attachments=attachments or discord.utils.MISSING)
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise
        shown = {name: value for name, value in message.items() if value is not None}
        await interaction.followup.send(**shown, files=attachments, ephemeral=True)
    interaction.extras[_ANSWERED] = True


async def tell(interaction: discord.Interaction[Any], text: str) -> None:
    """Tell the person alone, whatever was answered before. Never raises."""
    try:
        await _told(interaction, text)
    except (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError) as error:
        _log.warning("Interaction %s could not be answered: %s", interaction.id, error)


async def _told(interaction: discord.Interaction[Any], text: str) -> None:
    how = interaction.extras.get(_HOW)
    if interaction.type is discord.InteractionType.autocomplete:
        await interaction.response.autocomplete([])
    elif how is None and not interaction.response.is_done():
        await interaction.response.send_message(text, ephemeral=True)
    elif how is Acknowledgement.REPLY and not interaction.extras.get(_ANSWERED):
        await answer(interaction, text, embeds=[], view=None)
    else:
        await interaction.followup.send(text, ephemeral=True)
