"""Measure the latency and outcome of each interaction, once, when its task ends."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import discord
from discord import AppCommandType, ComponentType, InteractionType, app_commands

from bot.errors import UserError
from bot.metrics import InteractionFailure, InteractionKind

_FAILURE, _ARRIVAL = "failure", "arrival"


def measure_interaction(interaction: discord.Interaction[Any], name: str = "") -> None:
    """Record the interaction when the current task ends: no discord.py hook covers all ways to end.

    A command's `name` is known by then; a command that is no longer ours is not recorded.
    """
    began = interaction.extras[_ARRIVAL] = perf_counter()

    def on_done(_task: object) -> None:
        used_name = name or (interaction.command.qualified_name if interaction.command else "")
        if used_name:
            failure = interaction.extras.get(_FAILURE)
            interaction.client.metrics.observe_interaction(
                _interaction_kind(interaction), used_name, perf_counter() - began, failure
            )

    if task := asyncio.current_task():
        task.add_done_callback(on_done)


def record_failure(interaction: discord.Interaction[Any], error: Exception) -> None:
    """Record the error as the interaction's outcome."""
    is_user_error = isinstance(error, UserError | app_commands.AppCommandError)
    interaction.extras[_FAILURE] = InteractionFailure.REFUSED if is_user_error else InteractionFailure.FAILED


def record_unanswered(interaction: discord.Interaction[Any], failure: InteractionFailure) -> None:
    """Record why the interaction was not handled."""
    interaction.extras[_FAILURE] = failure


def seconds_since_arrival(interaction: discord.Interaction[Any]) -> float:
    """Return the seconds since `measure_interaction` was called."""
    now = perf_counter()
    return now - float(interaction.extras.get(_ARRIVAL, now))


def _interaction_kind(interaction: discord.Interaction[Any]) -> InteractionKind:
    data: dict[str, Any] = dict(interaction.data or {})
    match interaction.type:
        case InteractionType.autocomplete:
            return InteractionKind.AUTOCOMPLETE
        case InteractionType.modal_submit:
            return InteractionKind.MODAL
        case InteractionType.component:
            return (
                InteractionKind.BUTTON
                if data.get("component_type") == ComponentType.button.value
                else InteractionKind.SELECT
            )
    return InteractionKind.COMMAND if data.get("type", 1) == AppCommandType.chat_input.value else InteractionKind.MENU
