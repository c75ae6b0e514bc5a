"""Reports for channel managers and owners: the state of channels, of the queue, of the last load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import discord

from bot.domain.subscription import Subscription
from bot.i18n import format_number, tr, trn
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines
from bot.render.limits import EMBED_DESCRIPTION, FIELD_VALUE
from bot.render.markdown import cut_text, fit_escaped
from bot.render.subscriptions import trouble_text
from bot.store.leader import LeaderState
from bot.store.outbox.circuit_breakers import Circuit
from bot.store.outbox.queue import QueueState


@dataclass(frozen=True, slots=True)
class ChannelCheck:
    """A subscribed channel and its problems in words; empty if there are none."""

    channel_id: int
    trouble: str = ""


def render_check(checks: Sequence[ChannelCheck]) -> discord.Embed:
    """Render one line per channel, those with problems first."""
    ordered = sorted(checks, key=lambda check: not check.trouble)
    text = fit_lines(ordered, _check_line, EMBED_DESCRIPTION)
    return discord.Embed(title=tr("Channels"), description=text, colour=NEUTRAL)


def _check_line(check: ChannelCheck, room: int) -> str:
    line = (
        f"⚠️ <#{check.channel_id}>: {check.trouble}"
        if check.trouble
        else f"✅ <#{check.channel_id}>: {tr('I can post here')}"
    )
    return cut_text(line, room)


@dataclass(frozen=True, slots=True)
class BotStatus:
    """The bot's state for its owners. `leader` is the state of the process that loads and plans, None without one;
    `resting` are subscriptions that cannot be planned.
    """

    queue: QueueState
    circuits: Sequence[Circuit]
    leader: LeaderState | None
    resting: Sequence[Subscription] = ()
    feeds: Mapping[str, int] = field(default_factory=dict)
    """Number of feeds by state: fine, failing, stopped, paused."""
    links: int = 0
    """Number of links submitted within the last seven days."""
    unindexed: int = 0
    """Number of cards that are still to be indexed for search."""


def render_status(status: BotStatus) -> discord.Embed:
    """Render the queue, closed channels and the latest errors."""
    embed = discord.Embed(title=tr("Status"), colour=NEUTRAL)
    queue, leader = status.queue, status.leader
    embed.add_field(name=tr("Queue"), value=_waiting_text(queue), inline=True)
    refused = tr("{count} refused by Discord", count=format_number(queue.quarantined))
    embed.add_field(name=tr("Set aside"), value=refused, inline=True)
    embed.add_field(
        name=tr("Duplicates prevented"), value=format_number(leader.duplicates_prevented if leader else 0), inline=True
    )
    embed.add_field(name=tr("Last load"), value=_last_load_line(leader), inline=False)
    if any(status.feeds.values()):
        embed.add_field(name=tr("Feeds"), value=_feeds_line(status.feeds), inline=False)
    if status.unindexed:
        text = trn(
            "{count} card is still to be indexed: searches may miss it.",
            "{count} cards are still to be indexed: searches may miss them.",
            status.unindexed,
        )
        embed.add_field(name=tr("Search index"), value=text, inline=False)
    if status.links:
        text = tr("{count} submitted in the last 7 days", count=format_number(status.links))
        embed.add_field(name=tr("Links"), value=text, inline=False)
    if status.circuits:
        embed.add_field(
            name=tr("Closed channels"), value=fit_lines(status.circuits, _circuit_line, FIELD_VALUE), inline=False
        )
    if status.resting:
        embed.add_field(
            name=tr("Suspended digests"), value=fit_lines(status.resting, _resting_line, FIELD_VALUE), inline=False
        )
    if queue.errors:
        embed.add_field(name=tr("Last errors"), value=fit_lines(queue.errors, _error_line, FIELD_VALUE), inline=False)
    if leader and leader.held_back:
        text = trn(
            "{count} published card is missing from the folder. Nothing was withdrawn.",
            "{count} published cards are missing from the folder. Nothing was withdrawn.",
            leader.held_back,
        )
        embed.add_field(name=tr("Withdrawals held back"), value=text, inline=False)
    return embed


def _last_load_line(leader: LeaderState | None) -> str:
    if leader is None or (leader.loaded_at is None and not leader.load_trouble):
        return tr("No process has loaded cards yet.")
    lines = []
    if leader.loaded_at:
        counts = leader.load
        words = tr(
            "{when}: {cards} cards, {added} added, {changed} changed, {withdrawn} withdrawn, {problems} errors",
            when=_time_ago(leader.loaded_at),
            **{
                name: format_number(counts.get(name, 0))
                for name in ("cards", "added", "changed", "withdrawn", "problems")
            },
        )
        lines.append(words)
    if leader.load_trouble:
        reason = fit_escaped(leader.load_trouble, FIELD_VALUE // 2)
        lines.append(tr("The last load failed: {reason}", reason=reason))
    return "\n".join(lines)


def _feeds_line(feeds: Mapping[str, int]) -> str:
    return tr(
        "{fine} fine, {failing} failing, {stopped} stopped, {paused} paused",
        **{state: format_number(number) for state, number in feeds.items()},
    )


def _waiting_text(queue: QueueState) -> str:
    if queue.oldest is None:
        return tr("{count} waiting", count=format_number(queue.waiting))
    return tr("{count} waiting, oldest {when}", count=format_number(queue.waiting), when=_time_ago(queue.oldest))


def _circuit_line(circuit: Circuit, room: int) -> str:
    line = tr(
        "{channel} since {when}, next try {then}",
        channel=f"<#{circuit.channel_id}>",
        when=discord.utils.format_dt(circuit.opened_at, "f"),
        then=_time_ago(circuit.probe_at),
    )
    return cut_text(line, room)


def _resting_line(subscription: Subscription, room: int) -> str:
    return cut_text(f"<#{subscription.channel_id}>: {trouble_text(subscription)}", room)


def _error_line(error: tuple[int, str], room: int) -> str:
    channel_id, text = error
    head = f"<#{channel_id}>: "
    return head + fit_escaped(text, min(200, room - len(head)))


def _time_ago(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "R")
