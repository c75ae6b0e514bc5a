"""Review messages: a card for moderators as readers will see it, with actions, then a record of the decision."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.cards.model import State
from bot.desk.matching import fits
from bot.desk.publication import EVERYWHERE, Source, Verdict
from bot.errors import UserError
from bot.gateway import suggestions
from bot.gateway.acknowledgement import Acknowledgement, answer
from bot.gateway.decisions import LETTERS, MOST_TOPICS, REASON, VERDICTS, Done, decide, require_say, set_topics, undo
from bot.gateway.failures import Answering, AnsweringModal
from bot.gateway.languages import in_servers_words
from bot.gateway.rights import guild_id, require_moderator
from bot.gateway.views import delivery_of, rows
from bot.language import marked, speaking, tr
from bot.render.card import card_embed, topics_in, topics_line
from bot.render.desk import beaten_text, done_text, review_text, why_held_embed
from bot.render.limits import CHOICES
from bot.store.log import Entry, Subject
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

    Interaction = discord.Interaction[NewsBot]

Button = discord.ui.Button[Any]
_ID = r"\d{1,10}"
_GONE = marked("This card is gone: its source withdrew it, or its file was deleted.")


async def review(bot: NewsBot, server: int, card: FiledCard, delivery_id: int) -> dict[str, Any]:
    """Render a review message in its current state: content, embeds, view. Its buttons carry the delivery id."""
    entry = await bot.store.log.last(server, card.id)
    flags = await bot.store.flags.open(server, card.id)
    found = await bot.store.subscriptions.named(entry.only) if entry and entry.only else []
    channels = [each.channel_id for each in found if each.guild_id == server]
    return {
        "content": review_text(card, entry, flags, channels),
        "embeds": [card_embed(card, bot.settings.asset_base_url)],
        "view": _view(card, entry, delivery_id, reported=bool(flags)),
    }


def _view(card: FiledCard, entry: Entry | None, delivery_id: int, *, reported: bool) -> discord.ui.View:
    """Build the available actions. A decided card can be undone, a published one withdrawn."""
    held = card.card.state is State.HELD and card.verdict is None
    out = card.verdict is Verdict.PUBLISH or (card.card.state is State.PUBLISHED and card.verdict is None)
    acts = ("pi" if held else "k" if out and reported else "") + ("wt" if held or out else "") + "y"
    buttons: list[discord.ui.Item[Any]] = [ReviewButton(act, card.id, card.verdict, delivery_id) for act in acts]
    if entry and entry.guild_id != EVERYWHERE and entry.subject is not Subject.STATE and entry.undoes is None:
        buttons.insert(0, UndoButton(entry.id))
    return rows(buttons)


class ReviewButton(
    Answering,
    discord.ui.DynamicItem[Button],
    template=rf"nd:review:(?P<act>[pikwty]):(?P<card>{_ID}):(?P<expected>[pw-]):(?P<delivery>\d{{1,12}})",
):
    """A moderation action, valid only while the current verdict equals the one the moderator saw."""

    def __init__(self, act: str, card_id: int, expected: Verdict | None, delivery_id: int) -> None:
        label, style = _LOOKS[act]
        custom_id = f"nd:review:{act}:{card_id}:{LETTERS[expected]}:{delivery_id}"
        super().__init__(discord.ui.Button(label=tr(label), style=style, custom_id=custom_id))
        self.kind = act
        self.card_id: int = card_id
        self.expected = expected

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(match["act"], int(match["card"]), VERDICTS[match["expected"]], int(match["delivery"]))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        if self.kind in _FORMS:
            return Acknowledgement.FORM
        return _of_record(interaction) if self.kind in "pk" else Acknowledgement.REPLY

    def form(self, interaction: Interaction) -> AnsweringModal:
        require_moderator(interaction)
        return _FORMS[self.kind](self, interaction.message)

    async def seen(self, interaction: Interaction) -> tuple[FiledCard, Verdict | None]:
        """Return the current card, and the verdict at the time the button was rendered."""
        return await _card(interaction, self.card_id), self.expected

    async def act(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        await _ACTS[self.kind](interaction, await _card(interaction, self.card_id), self.expected)


_STYLE = discord.ButtonStyle
_LOOKS = {
    "p": (marked("Publish"), _STYLE.success),
    "i": (marked("Publish in…"), _STYLE.secondary),
    "k": (marked("Keep"), _STYLE.success),
    "w": (marked("Withdraw"), _STYLE.danger),
    "t": (marked("Edit topics"), _STYLE.secondary),
    "y": (marked("Why?"), _STYLE.secondary),
}


class UndoButton(Answering, discord.ui.DynamicItem[Button], template=r"nd:undo:(?P<entry>\d{1,12})"):
    """Undoes an audit log entry."""

    def __init__(self, entry_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Undo"), emoji="↩️", custom_id=f"nd:undo:{entry_id}"))
        self.entry_id = entry_id

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["entry"]))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        return _of_record(interaction)

    async def act(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        entry = await interaction.client.store.log.entry(guild_id(interaction), self.entry_id)
        if entry is None:
            raise UserError(tr("There is nothing to take back."))
        done = await undo(interaction, entry, Source.BUTTON)
        await _show_record(interaction, await _card(interaction, entry.card_id), done)


class PickSelect(
    Answering,
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=rf"nd:pick:(?P<part>\d):(?P<card>{_ID}):(?P<expected>[pw-])",
):
    """Publishes a card in the selected subscriptions only."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(
        self, part: int, card_id: int, expected: Verdict | None, options: Sequence[discord.SelectOption] = ()
    ) -> None:
        select: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=tr("Publish only in…"),
            options=list(options),
            max_values=len(options) or 1,
            custom_id=f"nd:pick:{part}:{card_id}:{LETTERS[expected]}",
        )
        super().__init__(select)
        self.card_id = card_id
        self.expected = expected

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(int(match["part"]), int(match["card"]), VERDICTS[match["expected"]])

    async def act(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        card = await _card(interaction, self.card_id)
        mine = {str(each.id): each for each in await _subscriptions(interaction)}
        only = [mine[value].id for value in dict.fromkeys(self.item.values) if value in mine]
        if not only:
            raise UserError(tr("These subscriptions are gone. Ask for the list again."))
        done = await decide(interaction, card, Verdict.PUBLISH, expected=self.expected, source=Source.BUTTON, only=only)
        await answer(interaction, content=done_text(card, done.entry, done.note), view=None)


async def _publish(interaction: Interaction, card: FiledCard, expected: Verdict | None) -> None:
    done = await decide(interaction, card, Verdict.PUBLISH, expected=expected, source=Source.BUTTON)
    await _show_record(interaction, card, done)


async def _ask_where(interaction: Interaction, card: FiledCard, expected: Verdict | None) -> None:
    found = await _subscriptions(interaction)
    if not found:
        raise UserError(tr("Nothing is subscribed in this server yet. `/digest setup` brings cards to a channel."))
    options = [
        discord.SelectOption(label=suggestions.subscription_name(interaction, each), value=str(each.id))
        for each in found
    ]
    parts = [options[start : start + CHOICES] for start in range(0, len(options), CHOICES)]
    selects = [PickSelect(part, card.id, expected, some) for part, some in enumerate(parts)]
    text = tr("Where should it go? It is published in this server, and posted in what you choose, whatever its topics.")
    view = rows(*([select] for select in selects))
    await answer(interaction, text, view=view)


async def _subscriptions(interaction: Interaction) -> Sequence[Any]:
    return await interaction.client.store.subscriptions.of_guild(guild_id(interaction))


async def _tell_why(interaction: Interaction, card: FiledCard, _expected: Verdict | None) -> None:
    covering = await interaction.client.store.archive.covering(card.id, guild_id(interaction))
    goes = [each.channel_id for each in await _subscriptions(interaction) if fits(card.card, each.wish)]
    await answer(interaction, embed=why_held_embed(card, covering, goes))


def _reviewed_in(interaction: discord.Interaction[Any]) -> int | None:
    """Return the delivery id of the clicked review; None for any other message."""
    return delivery_of(interaction.message) if interaction.message else None


def _of_record(interaction: discord.Interaction[Any]) -> Acknowledgement:
    return Acknowledgement.REPLY if _reviewed_in(interaction) is None else Acknowledgement.UPDATE


async def _show_record(interaction: Interaction, card: FiledCard, done: Done) -> None:
    """Turn a review into its record at once; elsewhere reply to the person."""
    delivery_id = _reviewed_in(interaction)
    if delivery_id is not None:
        current = await _card(interaction, card.id)
        with speaking(in_servers_words(interaction)):
            shown = await review(interaction.client, guild_id(interaction), current, delivery_id)
        await answer(interaction, **shown)
        if done.note:
            await interaction.followup.send(done.note, ephemeral=True)
        return
    await tell(interaction, card, done)


async def tell(interaction: Interaction, card: FiledCard, done: Done) -> None:
    """Reply with the outcome and an undo button."""
    text, view = done_text(card, done.entry, done.note), rows([UndoButton(done.entry.id)])
    await answer(interaction, text, view=view)


async def _card(interaction: Interaction, card_id: int) -> FiledCard:
    card = await interaction.client.store.archive.card(card_id, guild_id(interaction), hidden=True)
    if card is None:
        raise UserError(tr(_GONE))
    return card


_LookUp = Callable[[Any], Awaitable[tuple[FiledCard, Verdict | None]]]


class WithdrawModal(AnsweringModal):
    """Asks for a reason. `look_up` is called on submit and returns the card and the verdict that the person saw."""

    def __init__(self, look_up: _LookUp, *, everywhere: bool = False) -> None:
        super().__init__(title=tr("Withdraw a card"))
        self.look_up = look_up
        self.everywhere = everywhere
        self.reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, required=False, max_length=REASON
        )
        self.add_item(discord.ui.Label(text=tr("Why? (for the desk's log)"), component=self.reason))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        return _of_record(interaction)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        await require_say(interaction, everywhere=self.everywhere)
        card, expected = await self.look_up(interaction)
        done = await decide(
            interaction,
            card,
            Verdict.WITHDRAW,
            expected=expected,
            source=Source.BUTTON if interaction.message else Source.COMMAND,
            reason=self.reason.value,
            everywhere=self.everywhere,
        )
        await _show_record(interaction, card, done)


class TopicsModal(AnsweringModal):
    """Asks for the card's topics in this guild. `shown` is the line of topics that the person saw."""

    def __init__(self, card_id: int, shown: str) -> None:
        super().__init__(title=tr("Edit topics"))
        self.card_id = card_id
        self.shown = shown
        self.topics: discord.ui.TextInput[Any] = discord.ui.TextInput(
            required=False, default=", ".join(topics_in(shown)), max_length=REASON
        )
        hint = tr("Up to {most}, with commas between them; nothing gives it its own topics back.", most=MOST_TOPICS)
        self.add_item(discord.ui.Label(text=tr("Topics in this server"), description=hint, component=self.topics))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        return _of_record(interaction)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        require_moderator(interaction)
        card, server = await _card(interaction, self.card_id), guild_id(interaction)
        if topics_line(card.card) != self.shown:
            raise UserError(beaten_text(await interaction.client.store.log.last(server, card.id, Subject.TOPICS)))
        own = await interaction.client.store.desk.own_topics(server, card.id)
        done = await set_topics(interaction, card, self.topics.value, own)
        await _show_record(interaction, card, done)


_ACTS = {
    "p": _publish,
    "k": _publish,
    "i": _ask_where,
    "y": _tell_why,
}
_FORMS: dict[str, Callable[[ReviewButton, discord.Message | None], AnsweringModal]] = {
    "w": lambda button, _message: WithdrawModal(button.seen),
    "t": lambda button, message: TopicsModal(button.card_id, _topics_shown(message)),
}


def _topics_shown(message: discord.Message | None) -> str:
    """Return the line with the card's topics from a review message."""
    return (message.embeds[0].footer.text or "") if message and message.embeds else ""


REVIEW_ITEMS = (ReviewButton, UndoButton, PickSelect)
"""Persistent components of review messages."""
