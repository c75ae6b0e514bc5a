"""Members' own data: export and erasure."""

from __future__ import annotations

import io
import re
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem
from bot.client.permissions import guild_id_of
from bot.errors import UserError
from bot.i18n import format_number, tr, tr_noop
from bot.render.privacy import erase_warning, format_counts, format_export
from bot.render.saved_export import MAX_SAVED_CARDS, ExportFormat, format_saved
from bot.ui.card_pages import NO_SAVED, hidden_text
from bot.ui.components import arrange_rows

Reply = dict[str, Any]
_NOTHING = tr_noop(
    "Nothing is stored about you: no saved cards, reports, submitted links, personal digests or reading times."
)
_LARGEST = 8 * 1024 * 1024
"""Maximum bytes of an attached file; Discord accepts ten million from everyone."""


class EraseButton(
    ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:erase:(?P<user>\d{1,20})"
):
    """Erase the stored data of the requesting member, and nobody else's."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, user_id: int) -> None:
        label, style = tr("Erase it"), discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=f"nd:erase:{user_id}"))
        self.user_id = user_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["user"]))

    async def handle_click(self, interaction: Interaction) -> None:
        # An ephemeral reply can be clicked by its recipient alone, a forged interaction by anybody.
        if interaction.user.id != self.user_id:
            raise UserError(tr("This button is for someone else. Use `/privacy erase` for your own data."))
        bot = interaction.client
        erased = await bot.store.members.privacy.erase_member(self.user_id, bot.clock())
        text = tr("Erased: {what}.", what=format_counts(erased)) if any(erased.values()) else tr(_NOTHING)
        await answer_interaction(interaction, content=text, view=None)


async def build_export_reply(interaction: Interaction) -> Reply:
    """Export everything stored about the member. Raises `UserError` if it is too large for a reply."""
    user_id = interaction.user.id
    text = format_export(user_id, await interaction.client.store.members.privacy.export_member(user_id))
    return {"content": tr("Everything that is stored about you."), "file": _attach_text(text, "newsdesk.json")}


async def build_erase_reply(interaction: Interaction) -> Reply:
    """Preview what would be erased, with a confirm button. Raises `UserError` if there is nothing."""
    owned = await interaction.client.store.members.privacy.count_owned(interaction.user.id)
    if not any(owned.values()):
        raise UserError(tr(_NOTHING))
    return {"content": erase_warning(owned), "view": arrange_rows([EraseButton(interaction.user.id)])}


async def build_saved_reply(interaction: Interaction, form: ExportFormat) -> Reply:
    """Export the member's visible saved cards as a file. Raises `UserError` if there are none."""
    guild_id = guild_id_of(interaction)
    saved = await interaction.client.store.members.saved_cards.get_page(
        interaction.user.id, guild_id, limit=MAX_SAVED_CARDS, offset=0
    )
    hidden = hidden_text(saved.hidden)
    if not saved.cards:
        raise UserError(hidden or tr(NO_SAVED))
    content = "\n".join(filter(None, [_count_text(saved.total), hidden]))
    return {"content": content, "file": _attach_text(format_saved(saved.cards, form), f"saved-cards.{form}")}


def _count_text(total: int) -> str:
    if total <= MAX_SAVED_CARDS:
        return tr("Your saved cards.")
    return tr(
        "These are the newest {most} of your {total} saved cards.",
        most=format_number(MAX_SAVED_CARDS),
        total=format_number(total),
    )


def _attach_text(text: str, name: str) -> discord.File:
    """Wrap a text as an attachment. Raises `UserError` if it is over Discord's size limit."""
    # Stored texts may hold lone surrogates, which UTF-8 cannot encode.
    content = text.encode("utf-8", "backslashreplace")
    if len(content) > _LARGEST:
        raise UserError(
            tr("This is too large for Discord. Ask the people who run this bot for it (`newsdesk privacy export`).")
        )
    return discord.File(io.BytesIO(content), name)
