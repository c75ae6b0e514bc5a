"""The buttons that outlive a restart. A `custom_id` carries what its button needs, never whether it is allowed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.desk.publication import Verdict
from bot.errors import UserError
from bot.gateway.decisions import decide
from bot.gateway.failures import Answering
from bot.gateway.rights import guild_id, require_moderator
from bot.render.limits import CHOICES
from bot.render.lists import choice_name, related_embed
from bot.render.why import whys_embed
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

Button = discord.ui.Button[Any]
Select = discord.ui.Select[Any]
_ID = re.compile(r"\d{1,10}")
_SAVE = r"nd:save:(?P<card>\d{1,10}):(?P<delivery>\d{1,12})"
_WHY = r"nd:why:(?P<delivery>\d{1,12})"
_DECIDE = r"nd:decide:(?P<verdict>[pw]):(?P<card>\d{1,10}):(?P<expected>[pw-])"
_GONE = "This card is not available any more: it was withdrawn, or it is not published in this server."


class SaveButton(Answering, discord.ui.DynamicItem[Button], template=_SAVE):
    """Keeps a card for the member who clicks."""

    def __init__(self, card_id: int, delivery_id: int = 0, label: str = "Save") -> None:
        super().__init__(discord.ui.Button(label=label, emoji="🔖", custom_id=f"nd:save:{card_id}:{delivery_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]), int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        card = await _card(interaction, self.card_id)
        store, user = interaction.client.store, interaction.user.id
        new = await store.saved.save(user, card.id, interaction.client.clock())
        text = "Saved. `/saved` shows all that you kept." if new else "You saved this card already: see `/saved`."
        await interaction.response.send_message(text, ephemeral=True)


class ForgetButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:forget:(?P<card>\d{1,10})"):
    """Takes a card off the member's saved list."""

    def __init__(self, card_id: int, label: str = "Remove") -> None:
        super().__init__(discord.ui.Button(label=label, emoji="🗑️", custom_id=f"nd:forget:{card_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        removed = await interaction.client.store.saved.remove(interaction.user.id, self.card_id)
        text = "Removed from your saved cards." if removed else "That card is not among your saved cards any more."
        await interaction.response.send_message(text, ephemeral=True)


class KeepSelect(Answering, discord.ui.DynamicItem[Select], template=r"nd:keep:(?P<delivery>\d{1,12})"):
    """Keeps cards of a digest for the member who chooses them."""

    def __init__(self, delivery_id: int, cards: Sequence[FiledCard] = ()) -> None:
        options = [discord.SelectOption(label=choice_name(card), value=str(card.id)) for card in cards[:CHOICES]]
        super().__init__(
            discord.ui.Select(
                placeholder="🔖 Save a card",
                options=options,
                custom_id=f"nd:keep:{delivery_id}",
                max_values=len(options) or 1,
            )
        )

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        store, user = interaction.client.store, interaction.user.id
        chosen = [int(value) for value in self.item.values[:CHOICES] if _ID.fullmatch(value)]
        cards = [await _card(interaction, card_id) for card_id in chosen]
        new = [await store.saved.save(user, card.id, interaction.client.clock()) for card in cards]
        saved, known = sum(new), len(new) - sum(new)
        text = f"Saved {saved} {'card' if saved == 1 else 'cards'}. `/saved` shows all that you kept."
        text += f" You had {known} of them already." if known else ""
        await interaction.response.send_message(text, ephemeral=True)


class WhyButton(Answering, discord.ui.DynamicItem[Button], template=_WHY):
    """Says why a digest brought these cards."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(discord.ui.Button(label="Why these?", custom_id=f"nd:why:{delivery_id}"))
        self.delivery_id = delivery_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        chosen = await interaction.client.store.digests.whys(self.delivery_id, guild_id(interaction))
        await interaction.response.send_message(embed=whys_embed(chosen), ephemeral=True)


class RelatedButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:related:(?P<card>\d{1,10})"):
    """Shows who else covered the story."""

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label="Related", emoji="🗞️", custom_id=f"nd:related:{card_id}"))
        self.card_id = card_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        card = await _card(interaction, self.card_id)
        if not card.card.related:
            raise UserError("Nobody else has covered this story yet.")
        await interaction.response.send_message(embed=related_embed(card), ephemeral=True)


class DecideButton(Answering, discord.ui.DynamicItem[Button], template=_DECIDE):
    """Publishes or withdraws a card here, while the decision that stands is the one the moderator saw."""

    def __init__(self, verdict: Verdict, card_id: int, expected: Verdict | None, label: str) -> None:
        publish = verdict is Verdict.PUBLISH
        custom_id = f"nd:decide:{_LETTERS[verdict]}:{card_id}:{_LETTERS[expected]}"
        style = discord.ButtonStyle.success if publish else discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=custom_id))
        self.verdict = verdict
        self.card_id = card_id
        self.expected = expected

    @classmethod
    def publish(cls, card: FiledCard, number: int) -> Self:
        return cls(Verdict.PUBLISH, card.id, card.verdict, f"Publish {number}")

    @classmethod
    def withdraw(cls, card: FiledCard, number: int) -> Self:
        return cls(Verdict.WITHDRAW, card.id, card.verdict, f"Withdraw {number}")

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        verdict = Verdict.PUBLISH if match["verdict"] == "p" else Verdict.WITHDRAW
        expected = {letter: known for known, letter in _LETTERS.items()}[match["expected"]]
        return cls(verdict, int(match["card"]), expected, "")

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        require_moderator(interaction)
        card = await _card(interaction, self.card_id, hidden=True)
        text = await decide(interaction, card, self.verdict, expected=self.expected, source="button")
        await interaction.response.send_message(text, ephemeral=True)


def delivery_in(custom_id: str) -> int | None:
    """The delivery that a post's button names; None when it is another button or no post's."""
    for template in (_SAVE, _WHY):
        if match := re.fullmatch(template, custom_id):
            return int(match["delivery"]) or None
    return None


_LETTERS = {Verdict.PUBLISH: "p", Verdict.WITHDRAW: "w", None: "-"}


async def _card(interaction: discord.Interaction[NewsBot], card_id: int, *, hidden: bool = False) -> FiledCard:
    card = await interaction.client.store.archive.card(card_id, guild_id(interaction), hidden=hidden)
    if card is None:
        raise UserError(_GONE)
    return card


CARD_BUTTONS = (SaveButton, ForgetButton, KeepSelect, WhyButton, RelatedButton, DecideButton)
"""The buttons that act on one card."""
