"""A moderator's decision, from a command or a button: taken once, told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.cards.model import State
from bot.desk.publication import Decision, Verdict
from bot.errors import UserError
from bot.gateway.rights import guild_id
from bot.render.markdown import fitted
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

_DONE = {Verdict.PUBLISH: "published", Verdict.WITHDRAW: "withdrawn"}


async def decide(
    interaction: discord.Interaction[NewsBot],
    card: FiledCard,
    verdict: Verdict,
    *,
    expected: Verdict | None,
    source: str,
    reason: str = "",
) -> str:
    """Take the decision for this server and let the posts follow. Returns what to tell; raises `UserError`."""
    _refuse_pointless(card, verdict)
    bot = interaction.client
    decision = Decision(guild_id(interaction), card.id, verdict, interaction.user.id, bot.clock(), reason)
    outcome = await bot.store.desk.decide(decision, source=source, expected=expected)
    if not outcome.taken:
        raise UserError(_beaten(outcome.standing))
    await bot.newsroom.plan()
    follow = "Its channels get it in a moment." if verdict is Verdict.PUBLISH else "Posts of it are being removed."
    return f"**{fitted(card.card.title, 200)}** is {_DONE[verdict]} in this server. {follow}"


def _refuse_pointless(card: FiledCard, verdict: Verdict) -> None:
    if card.card.state is State.WITHDRAWN:
        raise UserError("This card was withdrawn by its source, which binds every server.")
    if card.verdict is verdict or (card.verdict is None and card.card.state == verdict.value):
        raise UserError(f"This card is {_DONE[verdict]} here already.")


def _beaten(standing: Decision | None) -> str:
    if standing is None:
        return "The decision that you saw was taken back meanwhile. Look again, then decide."
    when = discord.utils.format_dt(standing.decided_at, "R")
    return f"<@{standing.decided_by}> was faster: this card was {_DONE[standing.verdict]} {when}."
