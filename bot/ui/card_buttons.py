"""Persistent buttons. A `custom_id` carries the parameters of its button, never a permission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal
from bot.client.permissions import guild_id_of
from bot.errors import UserError
from bot.i18n import tr, tr_noop, trn
from bot.render.card_list import format_choice, render_related
from bot.render.explanations import render_reasons
from bot.render.limits import BUTTON_LABEL, CHOICES
from bot.render.markdown import escape_markdown, fit_escaped, fit_plain
from bot.store.cards.rows import StoredCard
from bot.store.moderation.reports import MAX_REPORTS, Report, ReportResult
from bot.ui.components import arrange_rows
from bot.ui.page_requests import LatestRequest
from bot.ui.pagination import PAGE_SIZE, first_page
from bot.ui.story_selects import STORY_SELECTS, build_story_view, list_joinable

Button = discord.ui.Button[Any]
Select = discord.ui.Select[Any]
_ID = re.compile(r"\d{1,10}")
_SAVE = r"nd:save:(?P<card>\d{1,10}):(?P<delivery>\d{1,12})"
_WHY = r"nd:why:(?P<delivery>\d{1,12})"
# Every kind of post has one of these: recovery after a crash finds a delivery by it.
_DELIVERY = re.compile(r"nd:(?:save:\d+|why|review:[a-z]:\d+:[pw-]):(?P<delivery>\d{1,12})")
_REPORT = 300
_TITLE = 200


class SaveButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=_SAVE):
    """Saves a card for the member who clicks."""

    def __init__(self, card_id: int, delivery_id: int = 0) -> None:
        super().__init__(discord.ui.Button(label=tr("Save"), emoji="🔖", custom_id=f"nd:save:{card_id}:{delivery_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]), int(match["delivery"]))

    async def handle_click(self, interaction: Interaction) -> None:
        card = await _require_card(interaction, self.card_id)
        store, user_id = interaction.client.store, interaction.user.id
        new = await store.members.saved_cards.save_card(user_id, card.id, interaction.client.clock())
        text = (
            tr("Saved. See everything with `/saved list`.")
            if new
            else tr("You already saved this card. See it with `/saved list`.")
        )
        await answer_interaction(interaction, text)


class UnsaveButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=r"nd:forget:(?P<card>\d{1,10})"):
    """Removes a card from the member's saved list."""

    def __init__(self, card_id: int, label: str = "") -> None:
        label = label or tr("Remove")
        super().__init__(discord.ui.Button(label=label, emoji="🗑️", custom_id=f"nd:forget:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        removed = await interaction.client.store.members.saved_cards.remove_card(interaction.user.id, self.card_id)
        text = tr("Removed from your saved cards.") if removed else tr("That card is no longer saved.")
        await answer_interaction(interaction, text)


class SaveSelect(ErrorReportingItem, discord.ui.DynamicItem[Select], template=r"nd:keep:(?P<delivery>\d{1,12})"):
    """Saves the selected cards of a digest or list."""

    def __init__(self, delivery_id: int, cards: Sequence[StoredCard] = ()) -> None:
        options = [discord.SelectOption(label=format_choice(card), value=str(card.id)) for card in cards[:CHOICES]]
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
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def handle_click(self, interaction: Interaction) -> None:
        store, user_id = interaction.client.store, interaction.user.id
        guild_id = await _guild_for_delivery(interaction, self.delivery_id)
        selected = [int(value) for value in self.item.values[:CHOICES] if _ID.fullmatch(value)]
        # A forged select may name any card: only those visible in the server are saved.
        cards = [await _require_card(interaction, card_id, guild_id) for card_id in selected]
        new = [
            await store.members.saved_cards.save_card(user_id, card.id, interaction.client.clock()) for card in cards
        ]
        saved, known = sum(new), len(new) - sum(new)
        text = trn(
            "Saved {count} card. See everything with `/saved list`.",
            "Saved {count} cards. See everything with `/saved list`.",
            saved,
        )
        text += " " + tr("Already saved: {count}.", count=known) if known else ""
        await answer_interaction(interaction, text)


class WhyButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=_WHY):
    """Explains why a digest contains its cards."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Why these?"), custom_id=f"nd:why:{delivery_id}"))
        self.delivery_id = delivery_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def handle_click(self, interaction: Interaction) -> None:
        guild_id = await _guild_for_delivery(interaction, self.delivery_id)
        selected = await interaction.client.store.outbox.digests.selection_reasons(self.delivery_id, guild_id)
        await answer_interaction(interaction, embed=render_reasons(selected))


class StopButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=r"nd:stop:(?P<delivery>\d{1,12})"):
    """Unsubscribes the member from their personal digest of the server it covers."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Stop"), custom_id=f"nd:stop:{delivery_id}"))
        self.delivery_id = delivery_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["delivery"]))

    async def handle_click(self, interaction: Interaction) -> None:
        follows, user_id = interaction.client.store.subscriptions.personal_digests, interaction.user.id
        # Looked up by member and delivery, so that nobody stops the digest of somebody else.
        guild_id = await follows.guild_of_delivery(user_id, self.delivery_id)
        if not guild_id or not await follows.pause_digest(user_id, guild_id):
            raise UserError(tr("This digest has already ended."))
        await answer_interaction(interaction, tr("Stopped. Resume it with `/following` in the server."))


class RelatedButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=r"nd:related:(?P<card>\d{1,10})"):
    """Shows other coverage of the story."""

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Related"), emoji="🗞️", custom_id=f"nd:related:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await _load_related(interaction, self.card_id))


class StorySelect(ErrorReportingItem, discord.ui.DynamicItem[Select], template=r"nd:story"):
    """Shows who else has the story of an entry in a list."""

    def __init__(self, entries: Sequence[tuple[StoredCard, str]] = ()) -> None:
        options = [
            discord.SelectOption(label=format_choice(card), description=others, value=str(card.id))
            for card, others in entries[:CHOICES]
        ]
        super().__init__(
            discord.ui.Select(placeholder=f"🗞️ {tr('More publishers')}", options=options, custom_id="nd:story")
        )

    @classmethod
    def from_match(cls, _match: re.Match[str]) -> Self:
        return cls()

    async def handle_click(self, interaction: Interaction) -> None:
        # A forged select may name any card, or none.
        selected = next((int(value) for value in self.item.values if _ID.fullmatch(value)), 0)
        await answer_interaction(interaction, **await _load_related(interaction, selected))


async def _load_related(interaction: Interaction, card_id: int) -> dict[str, Any]:
    """Build the reply on who else has a card's story: cards that the server sees, and what the card lists."""
    card = await _require_card(interaction, card_id)
    members = await interaction.client.store.cards.fetch_story_members([card.id], guild_id_of(interaction))
    others = members.get(card.id, ())
    view = await build_story_view(interaction, card, others)
    if not others and not card.card.related and not view:
        raise UserError(tr("Nobody else has covered this story yet."))
    return {"embed": render_related(card, others), "view": view}


class MoreButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=r"nd:more:(?P<card>\d{1,10})"):
    """Offers what else can be done with a card, so that few buttons stand under a post."""

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("More…"), custom_id=f"nd:more:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        card = await _require_card(interaction, self.card_id)
        members = await interaction.client.store.cards.fetch_story_members([card.id], guild_id_of(interaction))
        has_related = members or card.card.related or await list_joinable(interaction, card)
        # Posts of earlier versions have these buttons themselves, so each stands for itself after a restart.
        items = [
            RelatedButton(card.id) if has_related else None,
            TopicButton(card.id, card.card.topics[0]) if card.card.topics else None,
            ReportButton(card.id) if guild_id_of(interaction) else None,
        ]
        await answer_interaction(interaction, f"**{fit_escaped(card.card.title, _TITLE)}**", view=arrange_rows(items))


class TopicButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=r"nd:topic:(?P<card>\d{1,10})"):
    """Lists the newest cards of a card's first topic."""

    def __init__(self, card_id: int, topic: str = "") -> None:
        label = fit_plain(tr("More about {topic}", topic=topic), BUTTON_LABEL)
        super().__init__(discord.ui.Button(label=label, custom_id=f"nd:topic:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        card = (await _require_card(interaction, self.card_id)).card
        if not card.topics:
            raise UserError(tr("This card no longer has a topic."))
        topic = card.topics[0]
        newest = await interaction.client.store.cards.list_latest(guild_id_of(interaction), topic=topic, limit=2)
        if all(each.id == self.card_id for each in newest.cards):
            raise UserError(tr("Nothing else about **{topic}** yet.", topic=escape_markdown(topic)))
        request = LatestRequest(topic, PAGE_SIZE)
        await answer_interaction(interaction, **await first_page(interaction, request))


class ReportButton(ErrorReportingItem, discord.ui.DynamicItem[Button], template=r"nd:flag:(?P<card>\d{1,10})"):
    """Reports a problem with a card to the server's moderators."""

    acknowledgement = Acknowledgement.FORM

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Report"), emoji="🚩", custom_id=f"nd:flag:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    def build_form(self, interaction: Interaction) -> ReportModal:
        _require_guild(interaction)
        return ReportModal(self.card_id)


class ReportModal(ErrorReportingModal):
    """Asks what is wrong with the card."""

    def __init__(self, card_id: int) -> None:
        super().__init__(title=tr("Report a problem"))
        self.card_id = card_id
        example = tr("The link is dead; it is a duplicate; …")
        self.reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=_REPORT, placeholder=example
        )
        self.add_item(discord.ui.Label(text=tr("What's wrong with this card?"), component=self.reason))

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's
        _require_guild(interaction)
        card = await _require_card(interaction, self.card_id)
        bot = interaction.client
        report = Report(interaction.user.id, " ".join(self.reason.value.split()), bot.clock())
        outcome = await bot.store.moderation.reports.add_report(guild_id_of(interaction), card.id, report)
        if outcome is not ReportResult.ACCEPTED:
            raise UserError(tr(_NOT_TAKEN[outcome], most=MAX_REPORTS))
        thanks = tr("Thanks. This server's moderators will see it.")
        await answer_interaction(interaction, thanks)
        # After the reply: planning the review message may take longer than the member should wait.
        await bot.pipeline.plan_cards([card.id], guild_id_of(interaction))


_NOT_TAKEN = {
    ReportResult.ALREADY_REPORTED: tr_noop("You already reported this card. The moderators can see it."),
    ReportResult.TOO_MANY: tr_noop("You've reported {most} cards within an hour. Try again later."),
}


def _require_guild(interaction: Interaction) -> None:
    if not guild_id_of(interaction):
        raise UserError(tr("Reports go to a server's moderators. Use the button under the card in your server."))


def parse_delivery_id(custom_id: str) -> int | None:
    """Return the delivery id in a post's `custom_id`; None for any other component."""
    match = _DELIVERY.fullmatch(custom_id)
    return (int(match["delivery"]) or None) if match else None


async def _guild_for_delivery(interaction: Interaction, delivery_id: int) -> int:
    """Return the guild of a digest; for a personal digest in a DM, the guild that it covers."""
    if guild_id := guild_id_of(interaction):
        return guild_id
    return await interaction.client.store.subscriptions.personal_digests.guild_of_delivery(
        interaction.user.id, delivery_id
    )


async def _require_card(interaction: Interaction, card_id: int, guild_id: int | None = None) -> StoredCard:
    seen_in = guild_id_of(interaction) if guild_id is None else guild_id
    card = await interaction.client.store.cards.get_card(card_id, seen_in)
    if card is None and await interaction.client.store.cards.follows.was_unfollowed(seen_in, card_id):
        raise UserError(tr("This card is from a feed that this server no longer follows."))
    if card is None:
        raise UserError(tr("This card is no longer available: it was withdrawn, or isn't published in this server."))
    return card


CARD_BUTTONS = (
    *(SaveButton, UnsaveButton, SaveSelect, WhyButton, StopButton),
    *(MoreButton, RelatedButton, StorySelect, *STORY_SELECTS, TopicButton, ReportButton),
)
"""Buttons that act on a single card."""
