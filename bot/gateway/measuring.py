"""How long it takes to do what people ask for, and whether it failed: each interaction once, as its task ends."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import discord
from discord import AppCommandType, ComponentType, InteractionType, app_commands

from bot.errors import UserError
from bot.metrics import Asked, Failure

_FAILURE, _ARRIVAL = "failure", "arrival"


def measure(interaction: discord.Interaction[Any], name: str = "") -> None:
    """Count this interaction once the running task is over: no hook of discord.py tells of every way to end.

    A command has its `name` by then; one that is not ours (any more) has none to count under.
    """
    began = interaction.extras[_ARRIVAL] = perf_counter()

    def ended(_task: object) -> None:
        asked = name or (interaction.command.qualified_name if interaction.command else "")
        if asked:
            failure = interaction.extras.get(_FAILURE)
            interaction.client.metrics.answered(_kind(interaction), asked, perf_counter() - began, failure)

    if task := asyncio.current_task():
        task.add_done_callback(ended)


def note_failure(interaction: discord.Interaction[Any], error: Exception) -> None:
    """What went wrong is counted with the interaction."""
    told = isinstance(error, UserError | app_commands.AppCommandError)
    interaction.extras[_FAILURE] = Failure.REFUSED if told else Failure.FAILED


def note_unanswered(interaction: discord.Interaction[Any], failure: Failure) -> None:
    """Why nothing was done for an interaction is counted with it."""
    interaction.extras[_FAILURE] = failure


def seconds_since_arrival(interaction: discord.Interaction[Any]) -> float:
    """How long ago `measure` began."""
    now = perf_counter()
    return now - float(interaction.extras.get(_ARRIVAL, now))


def _kind(interaction: discord.Interaction[Any]) -> Asked:
    data: dict[str, Any] = dict(interaction.data or {})
    match interaction.type:
        case InteractionType.autocomplete:
            return Asked.AUTOCOMPLETE
        case InteractionType.modal_submit:
            return Asked.MODAL
        case InteractionType.component:
            return Asked.BUTTON if data.get("component_type") == ComponentType.button.value else Asked.SELECT
    return Asked.COMMAND if data.get("type", 1) == AppCommandType.chat_input.value else Asked.MENU
