"""Share an ephemeral reply with the channel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import app_commands

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem
from bot.client.localization import in_guild_language
from bot.client.permissions import guild_id_of
from bot.errors import UserError
from bot.i18n import override_language, tr
from bot.render.card_list import render_card_list
from bot.render.markdown import bold_names
from bot.store.cards.rows import StoredCard
from bot.ui.components import SHARE_PREFIX, without_share_button
from bot.ui.views import build_list_view

MAX_SHARED_CARDS = 10
"""Maximum cards: Discord's limit of embeds. Ten ids of seven digits also fit into a `custom_id` (100 characters)."""
_CARD = r"[0-9a-f]{1,7}"  # ids are below 2 ** 28, see `bot.store.cards.rows.compute_sort_key`


class ShareButton(
    ErrorReportingItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"{SHARE_PREFIX}(?P<cards>{_CARD}(?:-{_CARD}){{0,{MAX_SHARED_CARDS - 1}}})",
):
    """Posts the cards of a reply in its channel, once per reply."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, card_ids: Sequence[int]) -> None:
        # In hexadecimal, so that ten ids fit.
        custom_id = SHARE_PREFIX + "-".join(f"{card_id:x}" for card_id in card_ids[:MAX_SHARED_CARDS])
        super().__init__(discord.ui.Button(label=tr("Show to everyone"), emoji="📣", custom_id=custom_id))
        self.card_ids = tuple(card_ids)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls([int(each, 16) for each in match["cards"].split("-")])

    async def handle_click(self, interaction: Interaction) -> None:
        _require_send_permission(interaction)
        bot = interaction.client
        cards = await bot.store.cards.get_visible(self.card_ids, guild_id_of(interaction))
        if not cards:
            raise UserError(tr("These cards are no longer available: withdrawn, or not published in this server."))
        # Before posting: a second click in between would post twice.
        await _remove_button(interaction)
        with override_language(in_guild_language(interaction)):
            await interaction.followup.send(
                f"-# {tr('shared by {member}', member=interaction.user.mention)}",
                embeds=render_card_list(cards, bot.settings.asset_base_url),
                view=_build_public_view(cards),
                allowed_mentions=discord.AllowedMentions.none(),
            )


def share_buttons(interaction: discord.Interaction[Any], cards: Sequence[StoredCard]) -> list[ShareButton]:
    """Return the button for a reply with these cards; none where the bot serves no server."""
    return [ShareButton([card.id for card in cards])] if cards and guild_id_of(interaction) else []


def _require_send_permission(interaction: discord.Interaction[Any]) -> None:
    """Raise unless the user could post the same here themselves."""
    if not guild_id_of(interaction):
        raise app_commands.NoPrivateMessage
    in_thread = isinstance(interaction.channel, discord.Thread)
    speak = (
        ("send_messages_in_threads", tr("Send Messages in Threads"))
        if in_thread
        else ("send_messages", tr("Send Messages"))
    )
    needed = (speak, ("embed_links", tr("Embed Links")))
    if lacking := [words for name, words in needed if not getattr(interaction.permissions, name)]:
        names = bold_names(lacking)
        raise UserError(tr("You need {permissions} in this channel to show this to everyone.", permissions=names))


async def _remove_button(interaction: Interaction) -> None:
    """Raise if another click was first: a second one may arrive before the button is removed."""
    message, shown = interaction.message, interaction.client.shared_messages
    if message is None or message.id in shown:
        raise UserError(tr("This was already shown to everyone."))
    shown.append(message.id)
    view = without_share_button(discord.ui.View.from_message(message, timeout=None))
    view.stop()  # or discord.py would keep it in memory forever
    await answer_interaction(interaction, view=view)


def _build_public_view(cards: Sequence[StoredCard]) -> discord.ui.View:
    """Build a view without page buttons: other users must not turn the page that somebody shared."""
    return build_list_view(cards, ())
