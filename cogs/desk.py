"""Moderation commands: decide which cards this guild sees, and read the audit log."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import FORM, answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.permissions import (
    can_moderate,
    guild_id_of,
    hide_channel_text,
    is_public,
    require_can_post,
    require_channel_manager,
    require_moderator,
)
from bot.domain import date_parser
from bot.domain.moderation import EVERYWHERE, DecisionSource, Verdict
from bot.errors import UserError
from bot.i18n import tr
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from bot.store.moderation.reviews import MAX_OPEN_REVIEWS
from bot.ui import autocomplete
from bot.ui.card_edit import start_edit
from bot.ui.moderation import REASON, decide_card, join_stories, require_decision_right, split_card, undo_entry
from bot.ui.pagination import first_page
from bot.ui.review_message import WithdrawModal, send_confirmation

Words = app_commands.Range[str, 1, 200]
Reason = app_commands.Range[str, 0, REASON]
_SCOPES = [
    app_commands.Choice(name="this server", value="server"),
    app_commands.Choice(name="everywhere (the bot's owners only)", value="everywhere"),
]
_ENDED = [app_commands.Choice(name=verdict.value, value=verdict.value) for verdict in Verdict]
_SAID = [app_commands.Choice(name=source.value, value=source.value) for source in DecisionSource]
_SCOPE = "Where it applies (default: this server)"


def _withdraw_form(interaction: Interaction) -> WithdrawModal | None:
    """Return a modal for an omitted reason. The card and the ownership check are resolved on submit."""
    given = interaction.namespace
    if given.reason is not None:
        return None
    everywhere = given.scope == "everywhere"
    if not everywhere:
        require_moderator(interaction)

    # A modal must be the first response, within three seconds: nothing is read before it is submitted.
    async def look_up(submitted: Interaction) -> tuple[StoredCard, Verdict | None]:
        selected = await autocomplete.resolve_card(submitted, given.card, hidden=True)
        return selected, _current_decision(selected, everywhere)

    return WithdrawModal(look_up, everywhere=everywhere)


@app_commands.guild_only()
@app_commands.default_permissions(manage_messages=True)
class DeskCommands(commands.GroupCog, name="desk", description="Moderate this server's news"):
    """/desk queue, channel, publish, withdraw, edit, split, join, undo, log."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]  # our client's
        """Check the moderation permission even if the guild opened the command to other roles in its settings.

        The bot's owners may use it in any guild, for decisions that apply everywhere.
        """
        if not can_moderate(interaction) and not await self.bot.is_owner(interaction.user):
            require_moderator(interaction)
        return True

    @app_commands.command(description="Review held cards, best first")
    @app_commands.describe(
        topic="Only this topic",
        provider="Only this publisher",
        min_quality="Only this quality or better: 40 fair, 70 good, 110 excellent, up to about 190",
        since="Only since then, such as today, 7 days or 2026-05-01",
        backlog="Cards from before this server followed their feeds, instead of new ones",
    )
    @app_commands.autocomplete(
        topic=autocomplete.complete_topics,
        provider=autocomplete.complete_providers,
        since=autocomplete.complete_periods,
    )
    async def queue(
        self,
        interaction: Interaction,
        topic: Words | None = None,
        provider: Words | None = None,
        min_quality: app_commands.Range[int, 0, 1000] = 0,
        since: Words | None = None,
        backlog: bool = False,
    ) -> None:
        require_moderator(interaction)
        moment = date_parser.parse_since(since, self.bot.clock()) if since else None
        filters = QueueFilters(topic, provider, min_quality, moment, backlog)
        await answer_interaction(interaction, **await first_page(interaction, filters))

    @app_commands.command(description="Post held cards in a moderators' channel; leave empty to stop")
    @app_commands.describe(
        channel="A channel that only moderators can read",
        waiting=f"Most cards waiting there at once, 1 to {MAX_OPEN_REVIEWS}; the rest are in /desk queue",
    )
    async def channel(
        self,
        interaction: Interaction,
        channel: discord.TextChannel | discord.Thread | None = None,
        waiting: app_commands.Range[int, 1, MAX_OPEN_REVIEWS] = 10,
    ) -> None:
        require_moderator(interaction)
        if channel:
            await self._require_private_channel(interaction, channel)
        await self.bot.pipeline.set_review_channel(guild_id_of(interaction), channel.id if channel else None, waiting)
        comes = tr("Held cards are no longer posted.")
        if channel:
            comes = tr(
                "Held cards are now posted in {channel}, up to {waiting} at a time. See all of them with `/desk "
                "queue`.",
                channel=channel.mention,
                waiting=waiting,
            )
        await answer_interaction(interaction, comes)

    async def _require_private_channel(
        self, interaction: Interaction, channel: discord.TextChannel | discord.Thread
    ) -> None:
        await require_channel_manager(interaction, channel.id)
        # Held cards are nobody's news yet: their titles must not leak through the channel.
        if is_public(channel):
            raise UserError(f"{hide_channel_text(channel)} {tr('Then try again.')}")
        require_can_post(channel, again=tr("Then use `/desk channel` again."))
        subscribed = await self.bot.store.subscriptions.list_for_guild(guild_id_of(interaction))
        if any(each.channel_id == channel.id for each in subscribed):
            raise UserError(
                tr(
                    "{channel} has subscriptions. Choose a channel just for moderators.",
                    channel=channel.mention,
                )
            )

    @app_commands.command(description="Publish a card")
    @app_commands.describe(card="Type words from its title, then choose", reason="Reason, for the log", scope=_SCOPE)
    @app_commands.autocomplete(card=autocomplete.complete_all_cards)
    @app_commands.choices(scope=_SCOPES)
    async def publish(self, interaction: Interaction, card: Words, reason: Reason = "", scope: str = "server") -> None:
        selected, everywhere = await self._resolve_card(interaction, card, scope)
        await self._decide_card(interaction, selected, Verdict.PUBLISH, reason, everywhere=everywhere)

    @app_commands.command(description="Withdraw a card and remove its posts", extras={FORM: _withdraw_form})
    @app_commands.describe(
        card="Type words from its title, then choose", reason="Reason (asked for when left out)", scope=_SCOPE
    )
    @app_commands.autocomplete(card=autocomplete.complete_all_cards)
    @app_commands.choices(scope=_SCOPES)
    async def withdraw(
        self, interaction: Interaction, card: Words, reason: Reason | None = None, scope: str = "server"
    ) -> None:
        selected, everywhere = await self._resolve_card(interaction, card, scope)
        await self._decide_card(interaction, selected, Verdict.WITHDRAW, reason or "", everywhere=everywhere)

    @app_commands.command(description="Edit a card's title, excerpt, picture or topics in this server")
    @app_commands.describe(card="Type words from its title, then choose")
    @app_commands.autocomplete(card=autocomplete.complete_all_cards)
    async def edit(self, interaction: Interaction, card: Words) -> None:
        require_moderator(interaction)
        selected = await autocomplete.resolve_card(interaction, card, hidden=True)
        await start_edit(interaction, selected.id, DecisionSource.COMMAND)

    @app_commands.command(description="Take a card out of its story in this server")
    @app_commands.describe(card="The card that tells something else; type words from its title, then choose")
    @app_commands.autocomplete(card=autocomplete.complete_all_cards)
    async def split(self, interaction: Interaction, card: Words) -> None:
        require_moderator(interaction)
        selected = await autocomplete.resolve_card(interaction, card, hidden=True)
        await send_confirmation(interaction, selected, await split_card(interaction, selected, DecisionSource.COMMAND))

    @app_commands.command(description="Make two stories one in this server")
    @app_commands.describe(
        card="Type words from its title, then choose", story="A card of the other story; type words from its title"
    )
    @app_commands.autocomplete(card=autocomplete.complete_all_cards, story=autocomplete.complete_all_cards)
    async def join(self, interaction: Interaction, card: Words, story: Words) -> None:
        require_moderator(interaction)
        selected = await autocomplete.resolve_card(interaction, card, hidden=True)
        other = await autocomplete.resolve_card(interaction, story, hidden=True)
        result = await join_stories(interaction, selected, other, DecisionSource.COMMAND)
        await send_confirmation(interaction, selected, result)

    @app_commands.command(description="Undo the last decision on a card")
    @app_commands.describe(card="Type words from its title, then choose", scope=_SCOPE)
    @app_commands.autocomplete(card=autocomplete.complete_all_cards)
    @app_commands.choices(scope=_SCOPES)
    async def undo(self, interaction: Interaction, card: Words, scope: str = "server") -> None:
        selected, everywhere = await self._resolve_card(interaction, card, scope)
        guild_id = EVERYWHERE if everywhere else guild_id_of(interaction)
        # The last of this scope: undoing here must not touch what the owners decided everywhere.
        last = await self.bot.store.moderation.audit_log.get_last_own(guild_id, selected.id)
        if last is None:
            raise UserError(
                tr("Nothing to undo: nobody has decided on this card everywhere.")
                if everywhere
                else tr("Nothing to undo: nobody has decided on this card here.")
            )
        result = await undo_entry(interaction, last, DecisionSource.COMMAND)
        await send_confirmation(interaction, selected, result, undone=True)

    @app_commands.command(description="See who decided what, newest first")
    @app_commands.describe(
        card="Only about this card",
        by="Only by this person",
        ended="Only this decision",
        said="Only decisions made this way; file changes are hidden by default",
    )
    @app_commands.autocomplete(card=autocomplete.complete_all_cards)
    @app_commands.choices(ended=_ENDED, said=_SAID)
    async def log(
        self,
        interaction: Interaction,
        card: Words | None = None,
        by: discord.User | None = None,
        ended: str | None = None,
        said: str | None = None,
    ) -> None:
        require_moderator(interaction)
        selected = await autocomplete.resolve_card(interaction, card, hidden=True) if card else None
        filters = AuditFilter(
            card_id=selected.id if selected else None,
            actor_id=by.id if by else None,
            after=ended,
            source=DecisionSource(said) if said else None,
        )
        await answer_interaction(interaction, **await first_page(interaction, filters))

    async def _resolve_card(self, interaction: Interaction, card: str, scope: str) -> tuple[StoredCard, bool]:
        everywhere = scope == "everywhere"
        await require_decision_right(interaction, everywhere=everywhere)
        return await autocomplete.resolve_card(interaction, card, hidden=True), everywhere

    async def _decide_card(
        self, interaction: Interaction, card: StoredCard, verdict: Verdict, reason: str, *, everywhere: bool
    ) -> None:
        result = await decide_card(
            interaction,
            card,
            verdict,
            expected=_current_decision(card, everywhere),
            source=DecisionSource.COMMAND,
            reason=reason,
            everywhere=everywhere,
        )
        await send_confirmation(interaction, card, result)


def _current_decision(card: StoredCard, everywhere: bool) -> Verdict | None:
    """Return the current decision as the person sees it, which theirs replaces."""
    return card.ruling if everywhere else card.verdict
