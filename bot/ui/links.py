"""Links that people submit: their preview, the choice among several, and the wish to be told what was decided."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot.cards.card_builder import MAX_TITLE
from bot.cards.text import clean_text
from bot.cards.urls import redact_url
from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal, ErrorReportingView
from bot.client.permissions import can_moderate, guild_id_of
from bot.errors import UserError
from bot.i18n import current_language, tr, tr_noop
from bot.render.card import render_card
from bot.render.limits import CHOICE_NAME, CHOICES
from bot.render.links import (
    describe_limit,
    describe_link_problem,
    describe_preview,
    describe_untitled,
)
from bot.render.markdown import cut_text
from bot.render.moderation import done_text
from bot.sources.feeds.link_lookup import LinkDetails
from bot.store.cards.rows import StoredCard
from bot.store.moderation.submissions import KnownState, SubmissionOutcome, SubmissionResult
from bot.ui.components import arrange_rows
from bot.ui.find_card import find_message_links
from bot.ui.moderation import REASON, parse_topics
from bot.ui.review_message import UndoButton
from bot.ui.views import build_card_view
from bot.worker.link_submissions import FoundLink

Reply = dict[str, Any]
COMMENT = 300
"""Maximum characters of a comment for the moderators."""
_TITLE = 256
_PREVIEW_ITEM = re.compile(r"nd:link:[0-9a-f]{8}:(?:choose|submit|details|cancel)")
_MINUTES = 14  # an ephemeral response can be edited for 15
_WITHDRAWN = tr_noop("This link was withdrawn here, so it can't be submitted.")


def build_details(topics: str | None, comment: str | None, title: str = "") -> LinkDetails:
    """Build what a person says about a link. Raises `UserError` for too many topics."""
    words = clean_text(title[:MAX_TITLE])
    return LinkDetails(words, parse_topics(topics or ""), " ".join((comment or "").split())[:COMMENT])


async def build_submission_reply(interaction: Interaction, url: str, details: LinkDetails) -> Reply:
    """Look up a link and show the card that it would become, with the buttons to submit it. Raises `UserError`."""
    await _require_room(interaction)
    found = await interaction.client.links.look_up(guild_id_of(interaction), url)
    if found.state is KnownState.VISIBLE and found.card:
        return _known_reply(interaction, found.card)
    if found.state is KnownState.WITHDRAWN:
        raise UserError(tr(_WITHDRAWN))
    if found.card is None and found.lookup.problem:
        raise UserError(describe_link_problem(found.lookup.problem, found.lookup.http_status))
    return LinkDraft(found, details).build_reply(interaction)


async def build_message_reply(interaction: Interaction, message: discord.Message) -> Reply:
    """Do the same for the link of a message, or let the person choose one of several. Raises `UserError`."""
    links = find_message_links(message, CHOICES)
    if not links:
        raise UserError(tr("That message has no links."))
    if len(links) == 1:
        return await build_submission_reply(interaction, links[0], LinkDetails())
    return {"content": tr("This message has several links. Which one?"), "view": LinkChoice(links)}


async def _require_room(interaction: Interaction) -> None:
    """Raise `UserError` if a member has no submission left, before a page is fetched for them."""
    links = interaction.client.links
    if not can_moderate(interaction) and not await links.count_left(guild_id_of(interaction), interaction.user.id):
        raise UserError(describe_limit(links.per_hour))


def _known_reply(interaction: Interaction, card: StoredCard) -> Reply:
    embed = render_card(card, interaction.client.settings.asset_base_url)
    return {"content": tr("This link is already here."), "embeds": [embed], "view": build_card_view(card)}


class LinkChoice(ErrorReportingView):
    """The links of a message, of which one is submitted."""

    def __init__(self, links: Sequence[str]) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.links = links
        self.add_item(_LinkSelect(self))


class _LinkSelect(ErrorReportingItem, discord.ui.Select["LinkChoice"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, choice: LinkChoice) -> None:
        options = [
            # By number: an address may be longer than a value.
            discord.SelectOption(label=cut_text(redact_url(link), CHOICE_NAME), value=str(number))
            for number, link in enumerate(choice.links[:CHOICES])
        ]
        custom_id = f"nd:link:{secrets.token_hex(4)}:choose"
        super().__init__(custom_id=custom_id, placeholder=tr("Choose a link"), options=options)
        self.choice = choice

    async def handle_click(self, interaction: Interaction) -> None:
        link = self.choice.links[int(self.values[0])]
        reply = await build_submission_reply(interaction, link, LinkDetails())
        self.choice.stop()
        await answer_interaction(interaction, **reply)


class LinkDraft(ErrorReportingView):
    """A link that a person looks at before they submit it. It is kept in memory only."""

    def __init__(self, found: FoundLink, details: LinkDetails) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.found = found
        self.details = details
        # Stable across redraws, so that a click during a redraw still finds its item.
        self.key = secrets.token_hex(4)

    def build_reply(self, interaction: Interaction) -> Reply:
        """Render the card as it will look, or the question for its title."""
        self.clear_items()
        publishes = can_moderate(interaction)
        card = self.found.card or StoredCard(0, 0, "", self._build_card(interaction))
        if not card.card.title:
            page = self.found.lookup.page
            self.add_item(_DetailsButton(self, tr("Add a title…")))
            self.add_item(_CancelButton(self))
            return {"content": describe_untitled(page.media_type if page else ""), "embeds": [], "view": self}
        self.add_item(_SubmitButton(self, tr("Publish") if publishes else tr("Submit")))
        self.add_item(_DetailsButton(self, tr("Add a comment…") if self.found.card else tr("Topics and comment…")))
        self.add_item(_CancelButton(self))
        content = describe_preview(self.details.comment, publishes=publishes, is_held=self.found.card is not None)
        embed = render_card(card, interaction.client.settings.asset_base_url)
        return {"content": content, "embeds": [embed], "view": self}

    def _build_card(self, interaction: Interaction) -> Any:
        return self.found.build_card(self.details, guild_id_of(interaction), interaction.client.clock())

    async def submit_link(self, interaction: Interaction) -> Reply:
        """Submit the link, and describe what became of it. Raises `UserError`."""
        if self.is_finished():
            raise UserError(tr("Already done."))
        bot, guild_id, publishes = interaction.client, guild_id_of(interaction), can_moderate(interaction)
        outcome = await bot.links.submit_link(
            guild_id, interaction.user.id, self.found, self.details, publishes=publishes
        )
        reply = await _describe_outcome(interaction, outcome)
        self.stop()
        return reply


async def _describe_outcome(interaction: Interaction, outcome: SubmissionOutcome) -> Reply:
    """Describe what became of a submission. Raises `UserError` if nothing was stored."""
    bot, guild_id = interaction.client, guild_id_of(interaction)
    if outcome.result in _REFUSALS:
        raise UserError(tr(_REFUSALS[outcome.result]))
    if outcome.result is SubmissionResult.TOO_MANY:
        raise UserError(describe_limit(bot.links.per_hour))
    if outcome.result is SubmissionResult.HELD:
        await bot.pipeline.plan_cards([outcome.card_id], guild_id)
        text = tr("Submitted. This server's moderators will decide.")
        return {"content": text, "view": arrange_rows([TellButton(outcome.card_id)])}
    card = await bot.store.cards.get_card(outcome.card_id, guild_id, hidden=True)
    if card is None:
        raise UserError(tr(_REFUSALS[SubmissionResult.GONE]))
    if outcome.entry is None:
        return _known_reply(interaction, card)
    await bot.pipeline.plan_cards([outcome.card_id], guild_id)
    return {"content": done_text(card, outcome.entry), "view": arrange_rows([UndoButton([outcome.entry.id])])}


_REFUSALS = {
    SubmissionResult.WITHDRAWN: _WITHDRAWN,
    SubmissionResult.REPEATED: tr_noop("You already submitted this link. The moderators can see it."),
    SubmissionResult.GONE: tr_noop("This card changed in the meantime. Submit the link again."),
}


class _SubmitButton(ErrorReportingItem, discord.ui.Button["LinkDraft"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: LinkDraft, label: str) -> None:
        super().__init__(custom_id=f"nd:link:{draft.key}:submit", label=label, style=discord.ButtonStyle.success)
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await self.draft.submit_link(interaction))


class _CancelButton(ErrorReportingItem, discord.ui.Button["LinkDraft"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: LinkDraft) -> None:
        super().__init__(custom_id=f"nd:link:{draft.key}:cancel", label=tr("Cancel"))
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        if self.draft.is_finished():
            raise UserError(tr("Already done."))
        self.draft.stop()
        await answer_interaction(interaction, content=tr("Not submitted."), embeds=[], view=None)


class _DetailsButton(ErrorReportingItem, discord.ui.Button["LinkDraft"]):
    acknowledgement = Acknowledgement.FORM

    def __init__(self, draft: LinkDraft, label: str) -> None:
        super().__init__(custom_id=f"nd:link:{draft.key}:details", label=label)
        self.draft = draft

    def build_form(self, interaction: Interaction) -> LinkDetailsModal:  # noqa: ARG002 - nothing of it is needed
        return LinkDetailsModal(self.draft)


class LinkDetailsModal(ErrorReportingModal):
    """Asks for what a page does not say, for topics, and for words to the moderators."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: LinkDraft) -> None:
        super().__init__(title=tr("Submit a link"))
        self.draft = draft
        details = draft.details
        self.fields: dict[str, discord.ui.TextInput[Any]] = {}
        if draft.found.needs_title:
            self._add_field("title", tr("Title"), details.title, _TITLE, required=True)
        if draft.found.card is None:
            self._add_field("topics", tr("Topics, separated by commas"), ", ".join(details.topics), REASON)
        self._add_field("comment", tr("For the moderators"), details.comment, COMMENT, is_long=True)

    def _add_field(
        self, name: str, label: str, value: str, limit: int, *, required: bool = False, is_long: bool = False
    ) -> None:
        style = discord.TextStyle.paragraph if is_long else discord.TextStyle.short
        field: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=style, required=required, default=value or None, max_length=limit
        )
        self.fields[name] = field
        self.add_item(discord.ui.Label(text=label, component=field))

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        typed = {name: field.value for name, field in self.fields.items()}
        self.draft.details = build_details(typed.get("topics"), typed["comment"], typed.get("title", ""))
        if self.draft.found.needs_title and not self.draft.details.title:
            raise UserError(tr("This title would be invisible. Enter another one."))
        await answer_interaction(interaction, **self.draft.build_reply(interaction))


def lost_link_text(interaction: Interaction) -> str:
    """Return the notice for a preview that timed out, is done, or belongs to an earlier process; empty otherwise."""
    data: Any = interaction.data or {}
    if not _PREVIEW_ITEM.fullmatch(str(data.get("custom_id", ""))):
        return ""
    return tr("This preview has expired. Submit the link again.")


class TellButton(
    ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:tell:(?P<card>\d{1,10})"
):
    """Asks for a direct message when the moderators decide on a link that the member submitted."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, card_id: int) -> None:
        super().__init__(discord.ui.Button(label=tr("Tell me"), emoji="🔔", custom_id=f"nd:tell:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        noted = await interaction.client.store.moderation.submissions.request_notice(
            guild_id_of(interaction), self.card_id, interaction.user.id, current_language()
        )
        if not noted:
            raise UserError(tr("You haven't submitted that link here."))
        text = tr("Submitted. I'll send you a direct message when the moderators have decided.")
        await answer_interaction(interaction, content=text, view=None)
