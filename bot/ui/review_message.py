"""Review messages: a card for moderators as readers will see it, with actions, then a record of the decision."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Self

import discord

from bot.cards.model import CardState
from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal
from bot.client.localization import in_guild_language
from bot.client.permissions import guild_id_of, require_moderator
from bot.domain.card_edit import is_editable
from bot.domain.moderation import EVERYWHERE, DecisionSource, Verdict
from bot.errors import UserError
from bot.i18n import override_language, tr, tr_noop, trn
from bot.render.card import format_topics_line, parse_topics_line, render_card
from bot.render.limits import CHOICES
from bot.render.links import format_submitters
from bot.render.moderation import conflict_text, done_text, render_why_held, review_text
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditEntry, AuditSubject
from bot.ui import autocomplete
from bot.ui.card_edit import EditButton
from bot.ui.components import arrange_rows
from bot.ui.moderation import (
    GONE,
    LETTERS,
    MAX_TOPICS,
    REASON,
    SOME_GONE,
    VERDICTS,
    ModerationResult,
    act_on_each,
    build_undo_button,
    decide_card,
    edit_card,
    list_destinations,
    load_cards,
    parse_topics,
    require_decision_right,
    undo_entry,
)
from bot.ui.views import find_delivery_id

Button = discord.ui.Button[Any]
_ID = r"\d{1,10}"


async def build_review(bot: NewsBot, guild_id: int, card: StoredCard, delivery_id: int) -> dict[str, Any]:
    """Render a review message in its current state: content, embeds, view. Its buttons carry the delivery id."""
    entry = await bot.store.moderation.audit_log.get_last(guild_id, card.id)
    reports = (await bot.store.moderation.reports.list_open(guild_id, [card.id])).get(card.id, ())
    submitted = await bot.store.moderation.submissions.list_for_cards(guild_id, [card.id])
    found = await bot.store.subscriptions.get_by_ids(entry.subscription_ids) if entry and entry.subscription_ids else []
    channels = [each.channel_id for each in found if each.guild_id == guild_id]
    return {
        "content": "\n".join(
            filter(None, [format_submitters(submitted.get(card.id, ())), review_text(card, entry, reports, channels)])
        ),
        "embeds": [render_card(card, bot.settings.asset_base_url)],
        "view": _build_view(card, entry, delivery_id, reported=bool(reports)),
    }


def _build_view(card: StoredCard, entry: AuditEntry | None, delivery_id: int, *, reported: bool) -> discord.ui.View:
    """Build the available actions. A decided card can be undone, a published one withdrawn."""
    held = card.card.state is CardState.HELD and card.verdict is None
    out = card.verdict is Verdict.PUBLISH or (card.card.state is CardState.PUBLISHED and card.verdict is None)
    acts: list[ReviewAct] = []
    if held:
        acts += [ReviewAct.PUBLISH, ReviewAct.PUBLISH_IN]
    elif out and reported:
        acts += [ReviewAct.KEEP]
    may_edit = is_editable(card.source)
    if held or out:
        acts += [ReviewAct.WITHDRAW] if may_edit else [ReviewAct.WITHDRAW, ReviewAct.EDIT_TOPICS]
    acts += [ReviewAct.EXPLAIN]
    buttons: list[discord.ui.Item[Any]] = [ReviewButton(act, card.id, card.verdict, delivery_id) for act in acts]
    if may_edit and (held or out):
        buttons.insert(-1, EditButton(card.id))
    if entry and entry.guild_id != EVERYWHERE and entry.subject is not AuditSubject.STATE and entry.reverts_id is None:
        buttons.insert(0, UndoButton([entry.id]))
    return arrange_rows(buttons)


class ReviewAct(StrEnum):
    """What a moderator can do with a card; the value is the letter in the button's `custom_id`."""

    PUBLISH = "p"
    PUBLISH_IN = "i"
    KEEP = "k"
    WITHDRAW = "w"
    EDIT_TOPICS = "t"
    EXPLAIN = "y"


class ReviewButton(
    ErrorReportingItem,
    discord.ui.DynamicItem[Button],
    template=rf"nd:review:(?P<act>[{''.join(ReviewAct)}]):(?P<card>{_ID}):(?P<expected>[pw-]):(?P<delivery>\d{{1,12}})",
):
    """A moderation action, valid only while the current verdict equals the one the moderator saw."""

    def __init__(self, act: ReviewAct, card_id: int, expected: Verdict | None, delivery_id: int) -> None:
        label, style = _LABELS[act]
        custom_id = f"nd:review:{act}:{card_id}:{LETTERS[expected]}:{delivery_id}"
        super().__init__(discord.ui.Button(label=tr(label), style=style, custom_id=custom_id))
        self.act = act
        self.card_id: int = card_id
        self.expected = expected

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(ReviewAct(match["act"]), int(match["card"]), VERDICTS[match["expected"]], int(match["delivery"]))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        match self.act:
            case ReviewAct.WITHDRAW | ReviewAct.EDIT_TOPICS:
                return Acknowledgement.FORM
            case ReviewAct.PUBLISH | ReviewAct.KEEP:
                return _record_acknowledgement(interaction)
            case _:
                return Acknowledgement.REPLY

    def build_form(self, interaction: Interaction) -> ErrorReportingModal:
        require_moderator(interaction)
        if self.act is ReviewAct.WITHDRAW:
            return WithdrawModal(self._load_seen)
        return TopicsModal(self.card_id, _read_topics_line(interaction.message))

    async def _load_seen(self, interaction: Interaction) -> tuple[StoredCard, Verdict | None]:
        """Return the current card, and the verdict at the time the button was rendered."""
        return await _require_card(interaction, self.card_id), self.expected

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        card = await _require_card(interaction, self.card_id)
        match self.act:
            case ReviewAct.PUBLISH_IN:
                await _send_channel_select(interaction, card, self.expected)
            case ReviewAct.EXPLAIN:
                await _explain_card(interaction, card)
            case _:
                # Keeping a reported card publishes it: the decision answers the reports.
                await _publish_card(interaction, card, self.expected)


_STYLE = discord.ButtonStyle
_LABELS = {
    ReviewAct.PUBLISH: (tr_noop("Publish"), _STYLE.success),
    ReviewAct.PUBLISH_IN: (tr_noop("Publish in…"), _STYLE.secondary),
    ReviewAct.KEEP: (tr_noop("Keep"), _STYLE.success),
    ReviewAct.WITHDRAW: (tr_noop("Withdraw"), _STYLE.danger),
    ReviewAct.EDIT_TOPICS: (tr_noop("Edit topics"), _STYLE.secondary),
    ReviewAct.EXPLAIN: (tr_noop("Why?"), _STYLE.secondary),
}


class UndoButton(
    ErrorReportingItem,
    discord.ui.DynamicItem[Button],
    template=r"nd:(?P<act>undo|redo):(?P<entries>\d{1,12}(?:,\d{1,12}){0,4})",
):
    """Undoes the audit log entries of one act. `is_redo`: they are themselves an undo, so this is its redo."""

    def __init__(self, entry_ids: Sequence[int], *, is_redo: bool = False) -> None:
        super().__init__(build_undo_button(entry_ids, is_redo=is_redo))
        self.entry_ids = entry_ids
        self.is_redo = is_redo

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls([int(each) for each in match["entries"].split(",")], is_redo=match["act"] == "redo")

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        return _record_acknowledgement(interaction)

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        log, guild_id = interaction.client.store.moderation.audit_log, guild_id_of(interaction)
        found = [await log.get_entry(guild_id, entry_id) for entry_id in self.entry_ids]
        entries = {entry.card_id: entry for entry in found if entry}
        if not entries:
            raise UserError(tr("Nothing to undo."))
        cards = await load_cards(interaction, entries)

        async def undo(card: StoredCard) -> ModerationResult:
            return await undo_entry(interaction, entries[card.id], DecisionSource.BUTTON)

        results, problems = await act_on_each(cards, undo)
        if not results:
            raise UserError("\n".join(problems))
        if len(self.entry_ids) == 1:
            await _show_result(interaction, cards[0], results[0], undone=not self.is_redo)
            return
        lines = [_undone_text(len(results), is_redo=self.is_redo), *(each.note for each in results), *problems]
        lines += [tr(SOME_GONE)] if len(cards) < len(self.entry_ids) else []
        again = UndoButton([each.entry.id for each in results], is_redo=not self.is_redo)
        await answer_interaction(interaction, "\n".join(filter(None, lines)), view=arrange_rows([again]))


def _undone_text(cards: int, *, is_redo: bool) -> str:
    if is_redo:
        return trn("Redone for {count} card.", "Redone for {count} cards.", cards)
    return trn("Undone for {count} card.", "Undone for {count} cards.", cards)


class PublishInSelect(
    ErrorReportingItem,
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
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["part"]), int(match["card"]), VERDICTS[match["expected"]])

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        card = await _require_card(interaction, self.card_id)
        own = {str(each.id): each for each in await _list_subscriptions(interaction)}
        # Subscriptions may have been removed since, and a forged value may name those of another server.
        only = [own[value].id for value in dict.fromkeys(self.item.values) if value in own]
        if not only:
            raise UserError(tr("These subscriptions were removed. Open the list again."))
        result = await decide_card(
            interaction, card, Verdict.PUBLISH, expected=self.expected, source=DecisionSource.BUTTON, only=only
        )
        await answer_interaction(interaction, content=done_text(card, result.entry, result.note), view=None)


async def _publish_card(interaction: Interaction, card: StoredCard, expected: Verdict | None) -> None:
    result = await decide_card(interaction, card, Verdict.PUBLISH, expected=expected, source=DecisionSource.BUTTON)
    await _show_result(interaction, card, result)


async def _send_channel_select(interaction: Interaction, card: StoredCard, expected: Verdict | None) -> None:
    found = await _list_subscriptions(interaction)
    if not found:
        raise UserError(tr("This server has no subscriptions yet. Add one with `/digest setup`."))
    options = [
        discord.SelectOption(label=autocomplete.format_subscription(interaction, each), value=str(each.id))
        for each in found
    ]
    # A select has at most 25 options, a server may have more subscriptions.
    parts = [options[start : start + CHOICES] for start in range(0, len(options), CHOICES)]
    selects = [PublishInSelect(part, card.id, expected, some) for part, some in enumerate(parts)]
    text = tr("Where should it go? It's published in this server and posted where you choose, whatever its topics.")
    view = arrange_rows(*([select] for select in selects))
    await answer_interaction(interaction, text, view=view)


async def _list_subscriptions(interaction: Interaction) -> Sequence[Any]:
    return await interaction.client.store.subscriptions.list_for_guild(guild_id_of(interaction))


async def _explain_card(interaction: Interaction, card: StoredCard) -> None:
    covering = await interaction.client.store.cards.find_covering(card.id, guild_id_of(interaction))
    embed = render_why_held(card, covering, await list_destinations(interaction, [card]))
    await answer_interaction(interaction, embed=embed)


def _review_delivery(interaction: discord.Interaction[Any]) -> int | None:
    """Return the delivery id of the clicked review; None for any other message."""
    return find_delivery_id(interaction.message) if interaction.message else None


def _record_acknowledgement(interaction: discord.Interaction[Any]) -> Acknowledgement:
    return Acknowledgement.REPLY if _review_delivery(interaction) is None else Acknowledgement.UPDATE


async def _show_result(
    interaction: Interaction, card: StoredCard, result: ModerationResult, *, undone: bool = False
) -> None:
    """Turn a review into its record at once; elsewhere reply to the person."""
    delivery_id = _review_delivery(interaction)
    if delivery_id is not None:
        current = await _require_card(interaction, card.id)
        # Everybody in the channel reads the record, not only the person who clicked.
        with override_language(in_guild_language(interaction)):
            shown = await build_review(interaction.client, guild_id_of(interaction), current, delivery_id)
        await answer_interaction(interaction, **shown)
        if result.note:
            await interaction.followup.send(result.note, ephemeral=True)
        return
    await send_confirmation(interaction, card, result, undone=undone)


async def send_confirmation(
    interaction: Interaction, card: StoredCard, result: ModerationResult, *, undone: bool = False
) -> None:
    """Reply with the outcome and the way back: Undo, or Redo where something was undone other than in a story."""
    text = done_text(card, result.entry, result.note, undone=undone)
    has_way_back = not (undone and result.entry.subject is AuditSubject.STORY)
    buttons = [UndoButton([result.entry.id], is_redo=undone)] if has_way_back else []
    await answer_interaction(interaction, text, view=arrange_rows(buttons))


async def _require_card(interaction: Interaction, card_id: int) -> StoredCard:
    (card,) = await load_cards(interaction, [card_id])
    return card


_LookUp = Callable[[Any], Awaitable[tuple[StoredCard, Verdict | None]]]


class WithdrawModal(ErrorReportingModal):
    """Asks for a reason. `load_card` is called on submit and returns the card and the verdict that the person saw."""

    def __init__(self, load_card: _LookUp, *, everywhere: bool = False) -> None:
        super().__init__(title=tr("Withdraw a card"))
        self.load_card = load_card
        self.everywhere = everywhere
        self.reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, required=False, max_length=REASON
        )
        self.add_item(discord.ui.Label(text=tr("Reason (for the log)"), component=self.reason))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        return _record_acknowledgement(interaction)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        await require_decision_right(interaction, everywhere=self.everywhere)
        card, expected = await self.load_card(interaction)
        result = await decide_card(
            interaction,
            card,
            Verdict.WITHDRAW,
            expected=expected,
            source=DecisionSource.BUTTON if interaction.message else DecisionSource.COMMAND,
            reason=self.reason.value,
            everywhere=self.everywhere,
        )
        await _show_result(interaction, card, result)


class TopicsModal(ErrorReportingModal):
    """Asks for the card's topics in this guild. `shown` is the line of topics that the person saw."""

    def __init__(self, card_id: int, shown: str) -> None:
        super().__init__(title=tr("Edit topics"))
        self.card_id = card_id
        self.shown = shown
        self.topics: discord.ui.TextInput[Any] = discord.ui.TextInput(
            required=False, default=", ".join(parse_topics_line(shown)), max_length=REASON
        )
        hint = tr("Up to {most}, separated by commas; leave empty to restore its own topics.", most=MAX_TOPICS)
        self.add_item(discord.ui.Label(text=tr("Topics in this server"), description=hint, component=self.topics))

    def acknowledgement_of(self, interaction: discord.Interaction[Any]) -> Acknowledgement:
        return _record_acknowledgement(interaction)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        require_moderator(interaction)
        moderation, guild_id = interaction.client.store.moderation, guild_id_of(interaction)
        editable = await moderation.edits.load_card(guild_id, self.card_id)
        if editable is None:
            raise UserError(tr(GONE))
        # The modal was open for as long as the person liked: compare with what they saw, not with what is there now.
        if format_topics_line(editable.card.card) != self.shown:
            last = await moderation.audit_log.get_last(guild_id, self.card_id, AuditSubject.EDIT)
            raise UserError(conflict_text(last))
        edit = replace(editable.edit, topics=parse_topics(self.topics.value) or None)
        result = await edit_card(interaction, editable, edit, DecisionSource.BUTTON)
        await _show_result(interaction, editable.card, result)


def _read_topics_line(message: discord.Message | None) -> str:
    """Return the line with the card's topics from a review message."""
    return (message.embeds[0].footer.text or "") if message and message.embeds else ""


REVIEW_ITEMS = (ReviewButton, UndoButton, PublishInSelect, EditButton)
"""Persistent components of review messages."""
