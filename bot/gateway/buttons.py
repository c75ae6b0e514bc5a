"""Persistent buttons. A `custom_id` carries the parameters of its button, never a permission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import UserError
from bot.gateway.acknowledgement import Acknowledgement, answer
from bot.gateway.failures import Answering, AnsweringModal
from bot.gateway.rights import guild_id
from bot.gateway.turning import PAGE, listed
from bot.language import marked, tr, trn
from bot.render.limits import CHOICES
from bot.render.lists import choice_name, related_embed
from bot.render.why import whys_embed
from bot.store.flags import MOST, Flag, Flagged
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

Button = discord.ui.Button[Any]
Select = discord.ui.Select[Any]
_ID = re.compile(r"\d{1,10}")
_SAVE = r"nd:save:(?P<card>\d{1,10}):(?P<delivery>\d{1,12})"
_WHY = r"nd:why:(?P<delivery>\d{1,12})"
_DELIVERY = re.compile(r"nd:(?:save:\d+|why|review:[a-z]:\d+:[pw-]):(?P<delivery>\d{1,12})")
_REPORT = 300


class SaveButton(Answering, discord.ui.DynamicItem[Button], template=_SAVE):
    """Saves a card for the member who clicks."""

    def __init__(self, card_id: int, delivery_id: int = 0, label: str = "") -> None:
        label = label or tr("Save")
        super().__init__(discord.ui.Button(label=label, emoji="🔖", custom_id=f"nd:save:{card_id}:{delivery_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]), int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        card = await _card(interaction, self.card_id)
        store, user = interaction.client.store, interaction.user.id
        new = await store.saved.save(user, card.id, interaction.client.clock())
        text = (
            tr("Saved. `/saved list` shows all that you kept.")
            if new
            else tr("You saved this card already: see `/saved list`.")
        )
        await answer(interaction, text)


class ForgetButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:forget:(?P<card>\d{1,10})"):
    """Removes a card from the member's saved list."""

    def __init__(self, card_id: int, label: str = "") -> None:
        label = label or tr("Remove")
        super().__init__(discord.ui.Button(label=label, emoji="🗑️", custom_id=f"nd:forget:{card_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        removed = await interaction.client.store.saved.remove(interaction.user.id, self.card_id)
        text = (
            tr("Removed from your saved cards.") if removed else tr("That card is not among your saved cards any more.")
        )
        await answer(interaction, text)


class KeepSelect(Answering, discord.ui.DynamicItem[Select], template=r"nd:keep:(?P<delivery>\d{1,12})"):
    """Saves the selected cards of a digest."""

    def __init__(self, delivery_id: int, cards: Sequence[FiledCard] = ()) -> None:
        options = [discord.SelectOption(label=choice_name(card), value=str(card.id)) for card in cards[:CHOICES]]
        super().__init__(
            discord.ui.Select(
                placeholder=f"🔖 {tr('Save a card')}",
                options=options,
                custom_id=f"nd:keep:{delivery_id}",
                max_values=len(options) or 1,
            )
        )
        self.delivery_id = delivery_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        store, user = interaction.client.store, interaction.user.id
        server = await _server(interaction, self.delivery_id)
        chosen = [int(value) for value in self.item.values[:CHOICES] if _ID.fullmatch(value)]
        cards = [await _card(interaction, card_id, server) for card_id in chosen]
        new = [await store.saved.save(user, card.id, interaction.client.clock()) for card in cards]
        saved, known = sum(new), len(new) - sum(new)
        text = trn(
            "Saved {count} card. `/saved list` shows all that you kept.",
            "Saved {count} cards. `/saved list` shows all that you kept.",
            saved,
        )
        text += " " + tr("You had {count} of them already.", count=known) if known else ""
        await answer(interaction, text)


class WhyButton(Answering, discord.ui.DynamicItem[Button], template=_WHY):
    """Explains why a digest contains its cards."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Why these?"), custom_id=f"nd:why:{delivery_id}"))
        self.delivery_id = delivery_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        server = await _server(interaction, self.delivery_id)
        chosen = await interaction.client.store.digests.whys(self.delivery_id, server)
        await answer(interaction, embed=whys_embed(chosen))


class StopButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:stop:(?P<delivery>\d{1,12})"):
    """Unsubscribes the member from their personal digest of the server it covers."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Stop"), custom_id=f"nd:stop:{delivery_id}"))
        self.delivery_id = delivery_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        follows, user = interaction.client.store.follows, interaction.user.id
        server = await follows.server_of(user, self.delivery_id)
        if not server or not await follows.rest(user, server):
            raise UserError(tr("This digest does not come any more."))
        await answer(interaction, tr("Stopped. `/following` in the server resumes it."))


class RelatedButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:related:(?P<card>\d{1,10})"):
    """Shows other coverage of the story."""

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Related"), emoji="🗞️", custom_id=f"nd:related:{card_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        card = await _card(interaction, self.card_id)
        if not card.card.related:
            raise UserError(tr("Nobody else has covered this story yet."))
        await answer(interaction, embed=related_embed(card))


class TopicButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:topic:(?P<card>\d{1,10})"):
    """Lists the newest cards of a card's first topic."""

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("More from this topic"), custom_id=f"nd:topic:{card_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        card = (await _card(interaction, self.card_id)).card
        if not card.topics:
            raise UserError(tr("This card has no topic any more."))
        request = {"kind": "latest", "topic": card.topics[0], "count": PAGE}
        await answer(interaction, **await listed(interaction, request))


class FlagButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:flag:(?P<card>\d{1,10})"):
    """Reports a problem with a card to the server's moderators."""

    acknowledgement = Acknowledgement.FORM

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(emoji="🚩", custom_id=f"nd:flag:{card_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    def form(self, interaction: discord.Interaction[NewsBot]) -> FlagModal:
        _require_server(interaction)
        return FlagModal(self.card_id)


class FlagModal(AnsweringModal):
    """Asks what is wrong with the card."""

    def __init__(self, card_id: int) -> None:
        super().__init__(title=tr("Report a problem"))
        self.card_id = card_id
        example = tr("The link is dead; it is a duplicate; …")
        self.reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=_REPORT, placeholder=example
        )
        self.add_item(discord.ui.Label(text=tr("What is wrong with this card?"), component=self.reason))

    async def on_submit(self, interaction: discord.Interaction[NewsBot], /) -> None:  # type: ignore[override]  # our client's
        _require_server(interaction)
        card = await _card(interaction, self.card_id)
        bot = interaction.client
        flag = Flag(interaction.user.id, " ".join(self.reason.value.split()), bot.clock())
        outcome = await bot.store.flags.add(guild_id(interaction), card.id, flag)
        if outcome is not Flagged.TAKEN:
            raise UserError(tr(_NOT_TAKEN[outcome], most=MOST))
        thanks = tr("Thank you. The moderators of this server see it.")
        await answer(interaction, thanks)
        await bot.newsroom.plan()


_NOT_TAKEN = {
    Flagged.AGAIN: marked("You have reported this card already. The moderators see it."),
    Flagged.TOO_MANY: marked("You have reported {most} cards within an hour. Try again later."),
}


def _require_server(interaction: discord.Interaction[NewsBot]) -> None:
    if interaction.guild_id is None:
        raise UserError(tr("A report goes to a server's moderators: press the button under the card in your server."))


def delivery_in(custom_id: str) -> int | None:
    """Return the delivery id in a post's `custom_id`; None for any other component."""
    match = _DELIVERY.fullmatch(custom_id)
    return (int(match["delivery"]) or None) if match else None


async def _server(interaction: discord.Interaction[NewsBot], delivery_id: int) -> int:
    """Return the guild of a digest; for a personal digest in a DM, the guild that it covers."""
    if interaction.guild_id:
        return interaction.guild_id
    return await interaction.client.store.follows.server_of(interaction.user.id, delivery_id)


async def _card(interaction: discord.Interaction[NewsBot], card_id: int, server: int | None = None) -> FiledCard:
    seen_in = guild_id(interaction) if server is None else server
    card = await interaction.client.store.archive.card(card_id, seen_in)
    if card is None:
        raise UserError(
            tr("This card is not available any more: it was withdrawn, or it is not published in this server.")
        )
    return card


CARD_BUTTONS = (SaveButton, ForgetButton, KeepSelect, WhyButton, StopButton, RelatedButton, TopicButton, FlagButton)
"""Buttons that act on a single card."""
