"""Commands for the bot's owners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.client.acknowledgement import answer_interaction
from bot.client.error_handler import ErrorReportingItem
from bot.errors import UserError
from bot.i18n import tr, tr_noop, trn
from bot.store.worker_requests import MAX_AGE
from bot.worker.requests import RequestKind

if TYPE_CHECKING:
    from bot.client.bot import NewsBot

_SOON, _LONGEST = 15.0, 120.0
"""Seconds until the reply says that it takes longer, and until it times out."""
_LATER = tr_noop("The process that loads the cards has not finished yet. I will say here when it has.")
_NOBODY = tr_noop(
    "No process that loads cards has done this so far. One that comes within {minutes} minutes still does; see "
    "`/status`."
)


async def require_owner(interaction: discord.Interaction[NewsBot]) -> None:
    """Raise unless the person owns the bot, alone or in a team."""
    if not await interaction.client.is_owner(interaction.user):
        raise UserError(tr("Only the people who run this bot may do that."))


class AcceptWithdrawalsButton(
    ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:accept"
):
    """Confirms a mass withdrawal: the cards missing from the folder are withdrawn."""

    def __init__(self) -> None:
        label, style = tr("Withdraw them"), discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id="nd:accept"))

    @classmethod
    def from_match(cls, _match: re.Match[str]) -> Self:
        return cls()

    async def handle_click(self, interaction: discord.Interaction[NewsBot]) -> None:
        await require_owner(interaction)
        result = await request_from_leader(interaction, RequestKind.ACCEPT_WITHDRAWALS)
        text = trn("{count} card is withdrawn.", "{count} cards are withdrawn.", result["withdrawn"])
        await answer_interaction(interaction, text)


async def request_from_leader(interaction: discord.Interaction[NewsBot], kind: RequestKind) -> Mapping[str, Any]:
    """Send a request to the leader process and return its result.

    If it takes long, the reply says so meanwhile. Raises `UserError` with the reason if the request fails.
    """
    worker = interaction.client.worker
    request_id = await worker.request_work(kind, {}, interaction.user.id)
    result = await worker.requests.wait_for_result(request_id, _SOON)
    if result is None:
        await answer_interaction(interaction, tr(_LATER))
        result = await worker.requests.wait_for_result(request_id, _LONGEST - _SOON)
    if result is None:
        raise UserError(tr(_NOBODY, minutes=int(MAX_AGE.total_seconds() // 60)))
    return result


def build_accept_view() -> discord.ui.View:
    """Return the view with the button for the warning."""
    view = discord.ui.View(timeout=None)
    view.add_item(AcceptWithdrawalsButton())
    return view
