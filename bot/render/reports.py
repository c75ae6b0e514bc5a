"""What channel managers and operators read: the state of channels, of the queue, of the last load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, FIELD_VALUE
from bot.render.listing import listed
from bot.render.markdown import cut, fitted
from bot.store.circuits import Circuit
from bot.store.deliveries import QueueState


@dataclass(frozen=True, slots=True)
class ChannelCheck:
    """A subscribed channel and what is wrong with it, in words; nothing when all is well."""

    channel_id: int
    trouble: str = ""


def check_embed(checks: Sequence[ChannelCheck]) -> discord.Embed:
    """One line a channel, those in trouble first."""
    ordered = sorted(checks, key=lambda check: not check.trouble)
    text = listed(ordered, _check, EMBED_DESCRIPTION)
    return discord.Embed(title="Channels", description=text, colour=NEUTRAL)


def _check(check: ChannelCheck, room: int) -> str:
    line = f"⚠️ <#{check.channel_id}>: {check.trouble}" if check.trouble else f"✅ <#{check.channel_id}>"
    return cut(line, room)


@dataclass(frozen=True, slots=True)
class Status:
    """The bot's state for its operators. `held_back` counts withdrawals that wait for a person."""

    queue: QueueState
    circuits: Sequence[Circuit]
    duplicates_prevented: int
    held_back: int


def status_embed(status: Status) -> discord.Embed:
    """Queue, closed channels and the last errors."""
    embed = discord.Embed(title="Status", colour=NEUTRAL)
    queue = status.queue
    oldest = f", oldest {_ago(queue.oldest)}" if queue.oldest else ""
    embed.add_field(name="Queue", value=f"{queue.waiting:,} waiting{oldest}", inline=True)
    embed.add_field(name="Set aside", value=f"{queue.quarantined:,} refused by Discord", inline=True)
    embed.add_field(name="Duplicates prevented", value=f"{status.duplicates_prevented:,}", inline=True)
    if status.circuits:
        embed.add_field(name="Closed channels", value=listed(status.circuits, _circuit, FIELD_VALUE), inline=False)
    if queue.errors:
        embed.add_field(name="Last errors", value=listed(queue.errors, _error, FIELD_VALUE), inline=False)
    if status.held_back:
        text = f"{status.held_back:,} published cards would disappear with the folder as it is: none was withdrawn."
        embed.add_field(name="Withdrawals held back", value=text, inline=False)
    return embed


def _circuit(circuit: Circuit, room: int) -> str:
    return cut(f"<#{circuit.channel_id}> since {_ago(circuit.opened_at)}, next try {_ago(circuit.probe_at)}", room)


def _error(error: tuple[int, str], room: int) -> str:
    channel_id, text = error
    head = f"<#{channel_id}>: "
    return head + fitted(text, min(200, room - len(head)))


def _ago(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "R")
