"""Measure the latency and outcome of each interaction, once, when its task ends."""

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
    """Record the interaction when the current task ends: no discord.py hook covers all ways to end.

    A command's `name` is known by then; a command that is no longer ours is not recorded.
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
    """Record the error as the interaction's outcome."""
    told = isinstance(error, UserError | app_commands.AppCommandError)
    interaction.extras[_FAILURE] = Failure.REFUSED if told else Failure.FAILED


def note_unanswered(interaction: discord.Interaction[Any], failure: Failure) -> None:
    """Record why the interaction was not handled."""
    interaction.extras[_FAILURE] = failure


def seconds_since_arrival(interaction: discord.Interaction[Any]) -> float:
    """Return the seconds since `measure` was called."""
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
