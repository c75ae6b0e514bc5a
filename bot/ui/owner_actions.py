"""Commands for the bot's owners."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Self

import discord

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.discord_wait import OUT_OF_REACH
from bot.client.error_handler import ErrorReportingItem
from bot.errors import UserError
from bot.i18n import tr, tr_noop, trn
from bot.store.worker_requests import MAX_AGE
from bot.worker.requests import RequestKind

_log = logging.getLogger(__name__)
_SOON, _LONGEST = 15.0, 120.0
"""Seconds until the reply says that it takes longer, and until it times out."""
_LATER = tr_noop("Cards are still being loaded. I'll tell you here when it's done.")
_NOBODY = tr_noop(
    "No loader has picked this up yet. One that starts within {minutes} minutes still will. See `/status`."
)


async def require_owner(interaction: Interaction) -> None:
    """Raise unless the person owns the bot, alone or in a team."""
    if not await interaction.client.is_owner(interaction.user):
        raise UserError(tr("Only this bot's owners can do that."))


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

    async def handle_click(self, interaction: Interaction) -> None:
        await require_owner(interaction)
        result = await request_from_leader(interaction, RequestKind.ACCEPT_WITHDRAWALS)
        text = trn("{count} card is withdrawn.", "{count} cards are withdrawn.", result["withdrawn"])
        await answer_interaction(interaction, text)


async def request_from_leader(interaction: Interaction, kind: RequestKind) -> Mapping[str, Any]:
    """Send a request to the leader process and return its result.

    If it takes long, the reply says so meanwhile. Raises `UserError` with the reason if the request fails.
    """
    requests = interaction.client.pipeline.requests
    request_id = await requests.add_request(kind, {}, interaction.user.id)
    # Most requests take a moment, and then one reply is enough.
    result = await requests.wait_for_result(request_id, _SOON)
    if result is None:
        await answer_interaction(interaction, tr(_LATER))
        result = await requests.wait_for_result(request_id, _LONGEST - _SOON)
    if result is None:
        raise UserError(tr(_NOBODY, minutes=int(MAX_AGE.total_seconds() // 60)))
    return result


async def warn_owners(bot: NewsBot, held_back: int, notified: set[int] | None = None) -> bool:
    """Ask the bot's owners by DM, except those already `notified`, whether a mass withdrawal is intended.

    Return whether nobody is left to notify. Owners with closed DMs count as notified; they have the log and `/status`.
    """
    notified = set() if notified is None else notified
    try:
        owners = await bot.fetch_owners()
    except OUT_OF_REACH as error:
        _log.warning("Could not fetch the bot's owners: %s", type(error).__name__)
        return False
    # Called again until all of them know: a failed message to one owner must not repeat it to the others.
    for owner in owners - notified:
        try:
            user = await bot.fetch_user(owner)
            await user.send(_mass_withdrawal_warning(held_back), view=build_accept_view())
        except (discord.Forbidden, discord.NotFound) as error:
            _log.warning("Owner %s has DMs closed: code %s", owner, error.code)
        except OUT_OF_REACH as error:
            _log.warning("Could not notify owner %s, will retry: %s", owner, type(error).__name__)
            continue
        notified.add(owner)
    return owners <= notified


def _mass_withdrawal_warning(held_back: int) -> str:
    lost = trn(
        "The cards folder suddenly lost **{count}** published card, so nothing was withdrawn.",
        "The cards folder suddenly lost **{count}** published cards, so nothing was withdrawn.",
        held_back,
    )
    fix = tr(
        "If that's intended, accept it here or with `newsdesk load --accept-withdrawals`. Otherwise fix the folder."
    )
    return f"{lost} {fix}"


def build_accept_view() -> discord.ui.View:
    """Return the view with the button for the warning."""
    view = discord.ui.View(timeout=None)
    view.add_item(AcceptWithdrawalsButton())
    return view
