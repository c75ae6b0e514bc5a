"""What channel managers and operators read: the state of channels, of the queue, of the last load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.desk.subscription import Subscription
from bot.language import number, tr, trn
from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, FIELD_VALUE
from bot.render.listing import listed
from bot.render.markdown import cut, fitted
from bot.render.subscriptions import trouble_words
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
    return discord.Embed(title=tr("Channels"), description=text, colour=NEUTRAL)


def _check(check: ChannelCheck, room: int) -> str:
    line = f"⚠️ <#{check.channel_id}>: {check.trouble}" if check.trouble else f"✅ <#{check.channel_id}>"
    return cut(line, room)


@dataclass(frozen=True, slots=True)
class Status:
    """The bot's state for its operators. `held_back` counts withdrawals that wait for a person; `resting` are
    subscriptions that cannot be planned."""

    queue: QueueState
    circuits: Sequence[Circuit]
    duplicates_prevented: int
    held_back: int
    resting: Sequence[Subscription] = ()


def status_embed(status: Status) -> discord.Embed:
    """Queue, closed channels and the last errors."""
    embed = discord.Embed(title=tr("Status"), colour=NEUTRAL)
    queue = status.queue
    embed.add_field(name=tr("Queue"), value=_waiting(queue), inline=True)
    refused = tr("{count} refused by Discord", count=number(queue.quarantined))
    embed.add_field(name=tr("Set aside"), value=refused, inline=True)
    embed.add_field(name=tr("Duplicates prevented"), value=number(status.duplicates_prevented), inline=True)
    if status.circuits:
        embed.add_field(name=tr("Closed channels"), value=listed(status.circuits, _circuit, FIELD_VALUE), inline=False)
    if status.resting:
        embed.add_field(name=tr("Digests that rest"), value=listed(status.resting, _resting, FIELD_VALUE), inline=False)
    if queue.errors:
        embed.add_field(name=tr("Last errors"), value=listed(queue.errors, _error, FIELD_VALUE), inline=False)
    if status.held_back:
        text = trn(
            "{count} published card would disappear with the folder as it is: none was withdrawn.",
            "{count} published cards would disappear with the folder as it is: none was withdrawn.",
            status.held_back,
        )
        embed.add_field(name=tr("Withdrawals held back"), value=text, inline=False)
    return embed


def _waiting(queue: QueueState) -> str:
    if queue.oldest is None:
        return tr("{count} waiting", count=number(queue.waiting))
    return tr("{count} waiting, oldest {when}", count=number(queue.waiting), when=_ago(queue.oldest))


def _circuit(circuit: Circuit, room: int) -> str:
    line = tr(
        "{channel} since {when}, next try {then}",
        channel=f"<#{circuit.channel_id}>",
        when=discord.utils.format_dt(circuit.opened_at, "f"),
        then=_ago(circuit.probe_at),
    )
    return cut(line, room)


def _resting(subscription: Subscription, room: int) -> str:
    return cut(f"<#{subscription.channel_id}>: {trouble_words(subscription)}", room)


def _error(error: tuple[int, str], room: int) -> str:
    channel_id, text = error
    head = f"<#{channel_id}>: "
    return head + fitted(text, min(200, room - len(head)))


def _ago(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "R")
