"""Members' own data: export and erasure."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import UserError
from bot.gateway.acknowledgement import Acknowledgement, answer
from bot.gateway.failures import Answering
from bot.gateway.lists import NO_SAVED, hidden_text
from bot.gateway.rights import guild_id
from bot.gateway.views import rows
from bot.language import marked, number, tr
from bot.render.members import counted, erasing_text, exported
from bot.render.saved import MOST, Form, saved_file

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

    Interaction = discord.Interaction[NewsBot]

Reply = dict[str, Any]
_NOTHING = marked("Nothing is stored that is yours alone: no saved card, report, personal digest or time of reading.")
_LARGEST = 8 * 1024 * 1024
"""Maximum bytes of an attached file; Discord accepts ten million from everyone."""


class EraseButton(Answering, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:erase:(?P<user>\d{1,20})"):
    """Erases the stored data of the member who asked, and nobody else's."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, user_id: int) -> None:
        label, style = tr("Erase it"), discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=f"nd:erase:{user_id}"))
        self.user_id = user_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["user"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        if interaction.user.id != self.user_id:
            raise UserError(tr("This button is somebody else's. `/privacy erase` erases what is stored about you."))
        bot = interaction.client
        erased = await bot.store.members.erase(self.user_id)
        text = tr("Erased: {what}.", what=counted(erased)) if any(erased.values()) else tr(_NOTHING)
        await answer(interaction, content=text, view=None)
        await bot.newsroom.plan()


async def export_reply(interaction: Interaction) -> Reply:
    """Export everything stored about the member. Raises `UserError` if it is too large for a reply."""
    user = interaction.user.id
    text = exported(user, await interaction.client.store.members.export(user))
    return {"content": tr("Everything that is stored about you."), "file": _attached(text, "newsdesk.json")}


async def erase_reply(interaction: Interaction) -> Reply:
    """Preview what would be erased, with a confirm button. Raises `UserError` if there is nothing."""
    owned = await interaction.client.store.members.owned(interaction.user.id)
    if not any(owned.values()):
        raise UserError(tr(_NOTHING))
    return {"content": erasing_text(owned), "view": rows([EraseButton(interaction.user.id)])}


async def saved_reply(interaction: Interaction, form: Form) -> Reply:
    """Export the member's visible saved cards as a file. Raises `UserError` if there are none."""
    server = guild_id(interaction)
    saved = await interaction.client.store.saved.page(interaction.user.id, server, limit=MOST, offset=0)
    hidden = hidden_text(saved.hidden)
    if not saved.cards:
        raise UserError(hidden or tr(NO_SAVED))
    content = "\n".join(filter(None, [_brought(saved.total), hidden]))
    return {"content": content, "file": _attached(saved_file(saved.cards, form), f"saved-cards.{form}")}


def _brought(total: int) -> str:
    if total <= MOST:
        return tr("Your saved cards.")
    return tr("These are the newest {most} of your {total} saved cards.", most=number(MOST), total=number(total))


def _attached(text: str, name: str) -> discord.File:
    """Wrap a text as an attachment. Raises `UserError` if it is over Discord's size limit."""
    content = text.encode("utf-8", "backslashreplace")
    if len(content) > _LARGEST:
        raise UserError(
            tr(
                "This is more than Discord takes in one file. The people who run this bot can write it for you: "
                "`newsdesk privacy export`."
            )
        )
    return discord.File(io.BytesIO(content), name)
