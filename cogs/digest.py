"""Commands for channel managers: choose which cards are posted in which channel, when, and in what layout."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.permissions import (
    channel_problem,
    find_deleted_roles,
    guild_id_of,
    mention_problem,
    require_channel_manager,
    thread_problem,
)
from bot.domain.quiet_hours import parse_quiet_hours as quiet_hours
from bot.domain.subscription import Frequency, Subscription
from bot.errors import UserError
from bot.i18n import tr
from bot.render.status import ChannelCheck, render_check
from bot.render.subscriptions import (
    quiet_text,
    quiet_trouble_text,
    render_subscription,
    render_subscriptions,
    sent_text,
    subscribed_text,
    trouble_text,
)
from bot.ui import autocomplete
from bot.ui.autocomplete import SubscribableChannel
from bot.ui.digest_preview import build_preview_reply, build_whatif_reply, build_why_reply
from bot.ui.option_table import LASTING_OPTIONS, OPTIONS, SELECTING_OPTIONS, Text, accept_options, summarize_options
from bot.ui.subscription_options import (
    apply_options,
    create_subscription,
    default_options,
    drop_deleted_role,
    limit_to_person,
    save_timezone,
    subscription_notes,
    validate_channel,
)
from bot.ui.subscription_wizard import SubscriptionWizard

_ONE = {"subscription": autocomplete.complete_subscriptions}


@app_commands.guild_only()
@app_commands.default_permissions(manage_channels=True)
class DigestCommands(commands.GroupCog, name="digest", description="Post news in channels"):
    """/digest subscribe, setup, edit, list, pause, resume, remove, preview, why, now, quiet, whatif, check."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(name="subscribe", description="Subscribe a channel to news")
    @app_commands.describe(channel="Where to post")
    @accept_options(OPTIONS)
    async def subscribe(self, interaction: Interaction, /, channel: SubscribableChannel, **given: Any) -> None:
        await require_channel_manager(interaction, channel.id)
        options = apply_options(given, await default_options(interaction))
        made, count = await create_subscription(interaction, channel, options)
        await save_timezone(interaction, given["timezone"])
        await self._show_subscription(interaction, made, subscribed_text(made, count))

    @app_commands.command(description="Subscribe a channel step by step, with a preview")
    async def setup(self, interaction: Interaction) -> None:
        view = await SubscriptionWizard.start_draft(interaction)
        await answer_interaction(interaction, **view.build_reply())

    @app_commands.command(description="Change a subscription; what you leave out stays the same")
    @app_commands.describe(subscription="Choose one from the list", remove_mention="Stop mentioning a role")
    @app_commands.autocomplete(**_ONE)
    @accept_options(LASTING_OPTIONS)
    async def edit(
        self, interaction: Interaction, /, subscription: str, *, remove_mention: bool = False, **given: Any
    ) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        # Discord's clients cannot send an empty role, so that removing it takes an option of its own.
        base = replace(selected.options, mention_role_id=None) if remove_mention else selected.options
        options = apply_options(given, drop_deleted_role(interaction, base))
        if options == selected.options and not selected.unusable:
            raise UserError(tr("Nothing to change. Give at least one option a new value; `all` clears a list."))
        channel = await autocomplete.resolve_channel(interaction, selected.channel_id)
        validate_channel(interaction, channel, options, mentioned=selected.options.mention_role_id)
        changed = await self.bot.pipeline.change_options(selected, options)
        await save_timezone(interaction, given["timezone"])
        await self._show_subscription(interaction, changed, tr("Subscription updated."))

    @app_commands.command(name="list", description="List this server's subscriptions and what's next")
    async def list_(self, interaction: Interaction) -> None:
        found = await self._list_subscriptions(interaction)
        quiet = await self.bot.store.subscriptions.quiet_hours.list_for_guild(guild_id_of(interaction))
        gone = find_deleted_roles(
            interaction, {each.options.mention_role_id for each in found if each.options.mention_role_id}
        )
        await answer_interaction(interaction, embed=render_subscriptions(found, quiet, gone))

    @app_commands.command(description="Pause a subscription; its posts stay")
    @app_commands.describe(subscription="Choose one from the list")
    @app_commands.autocomplete(**_ONE)
    async def pause(self, interaction: Interaction, subscription: str) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        if selected.paused:
            raise UserError(tr("Already paused. Resume with `/digest resume`."))
        await self.bot.store.subscriptions.pause_subscription(selected, self.bot.clock())
        channel = f"<#{selected.channel_id}>"
        text = tr("Paused for {channel}. Resume with `/digest resume`.", channel=channel)
        await answer_interaction(interaction, text)

    @app_commands.command(description="Resume a paused subscription; what it missed isn't posted")
    @app_commands.describe(subscription="Choose one from the list")
    @app_commands.autocomplete(**_ONE)
    async def resume(self, interaction: Interaction, subscription: str) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        if not selected.paused:
            raise UserError(tr("This subscription isn't paused."))
        resumed = await self.bot.store.subscriptions.resume_subscription(selected, self.bot.clock())
        await self._show_subscription(interaction, resumed, tr("Resumed."))

    @app_commands.command(description="Remove a subscription; its posts stay")
    @app_commands.describe(subscription="Choose one from the list")
    @app_commands.autocomplete(**_ONE)
    async def remove(self, interaction: Interaction, subscription: str) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        await self.bot.store.subscriptions.remove_subscription(selected.guild_id, selected.id)
        text = tr("Subscription removed from {channel}.", channel=f"<#{selected.channel_id}>")
        await answer_interaction(interaction, text)

    @app_commands.command(description="Preview the next digest")
    @app_commands.describe(subscription="Choose one from the list")
    @app_commands.autocomplete(**_ONE)
    async def preview(self, interaction: Interaction, subscription: str) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        await answer_interaction(interaction, **await build_preview_reply(interaction, selected))

    @app_commands.command(description="Explain why a card was or wasn't posted")
    @app_commands.describe(subscription="Choose one from the list", card="Type words from its title, then choose")
    @app_commands.autocomplete(**_ONE, card=autocomplete.complete_cards)
    async def why(self, interaction: Interaction, subscription: str, card: app_commands.Range[str, 1, 200]) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        found = await autocomplete.resolve_card(interaction, card)
        await answer_interaction(interaction, await build_why_reply(interaction, selected, found))

    @app_commands.command(description="Send the next digest right now")
    @app_commands.describe(subscription="Choose one from the list")
    @app_commands.autocomplete(**_ONE)
    async def now(self, interaction: Interaction, subscription: str) -> None:
        selected = await autocomplete.resolve_subscription(interaction, subscription)
        if selected.options.frequency is Frequency.INSTANT:
            raise UserError(tr("Instant cards are posted automatically. Only digests can be sent early."))
        if selected.paused:
            raise UserError(tr("This subscription is paused. Resume with `/digest resume`."))
        if words := trouble_text(selected):
            raise UserError(words)
        channel = await autocomplete.resolve_channel(interaction, selected.channel_id)
        sent = await self.bot.pipeline.send_digest_now(limit_to_person(interaction, selected, channel))
        if not sent.card_count:
            raise UserError(tr("Nothing new since the last digest, so none was sent."))
        await answer_interaction(interaction, sent_text(selected.channel_id, sent.card_count, sent.quiet_until))

    @app_commands.command(description="Set quiet hours: cards wait, then come as one digest")
    @app_commands.describe(
        channel="Which channel",
        starts="Start, such as 22:00; leave both empty to end quiet hours",
        ends="End, such as 7:00",
        timezone="Time zone of these times (default: this server's last one)",
        heat="Stories of this heat or more come anyway: 70 warm, 100 hot, 150 very hot",
    )
    @app_commands.rename(starts="from", ends="to")
    @app_commands.autocomplete(timezone=autocomplete.complete_timezones)
    async def quiet(
        self,
        interaction: Interaction,
        channel: SubscribableChannel,
        starts: Text | None = None,
        ends: Text | None = None,
        timezone: Text | None = None,
        heat: app_commands.Range[int, 0, 100_000] | None = None,
    ) -> None:
        await require_channel_manager(interaction, channel.id)
        guild_id, now = guild_id_of(interaction), self.bot.clock()
        if not starts and not ends:
            if not await self.bot.pipeline.end_quiet_hours(guild_id, channel.id):
                none = tr("{channel} has no quiet hours. Set some with `from` and `to`.", channel=channel.mention)
                raise UserError(none)
            text = tr("Quiet hours removed from {channel}.", channel=channel.mention)
            await answer_interaction(interaction, text)
            return
        if not starts or not ends:
            raise UserError(tr("Quiet hours need both times, `from` and `to`, such as 22:00 and 7:00."))
        zone = timezone or (await default_options(interaction)).timezone
        hours = quiet_hours(starts, ends, zone, heat)
        await self.bot.store.subscriptions.quiet_hours.set_hours(guild_id, channel.id, hours, now)
        await save_timezone(interaction, timezone)
        await answer_interaction(interaction, quiet_text(channel.id, hours))

    @app_commands.command(description="See what a subscription would have posted in the last 30 days")
    @accept_options(SELECTING_OPTIONS)
    async def whatif(self, interaction: Interaction, /, **given: Any) -> None:
        options = apply_options(given, await default_options(interaction))
        await answer_interaction(interaction, **await build_whatif_reply(interaction, options))

    @app_commands.command(description="Check whether I can post in the subscribed channels")
    async def check(self, interaction: Interaction) -> None:
        found = await self._list_subscriptions(interaction)
        closed = {
            circuit.channel_id for circuit in await self.bot.store.outbox.circuits.for_guild(guild_id_of(interaction))
        }
        checks = [
            ChannelCheck(channel_id, words)
            for channel_id, troubles in (await self._channel_problems(interaction, found, closed)).items()
            for words in troubles or [""]
        ]
        await answer_interaction(interaction, embed=render_check(checks))

    async def _channel_problems(
        self, interaction: Interaction, found: Sequence[Subscription], closed: Collection[int]
    ) -> dict[int, list[str]]:
        """Return the problems of each channel and of its subscriptions."""
        quiet = await self.bot.store.subscriptions.quiet_hours.list_for_guild(guild_id_of(interaction))
        troubles: dict[int, list[str]] = {}
        for channel_id in dict.fromkeys(each.channel_id for each in found):
            said = [await channel_problem(interaction, channel_id, closed)]
            here = [each for each in found if each.channel_id == channel_id]
            said += [trouble_text(each) for each in here]
            said += [mention_problem(interaction, channel_id, each.options.mention_role_id) for each in here]
            said += [thread_problem(interaction, channel_id)] if any(each.options.thread for each in here) else []
            said += [quiet_trouble_text(each) for each in quiet if each.channel_id == channel_id]
            troubles[channel_id] = [words for words in dict.fromkeys(said) if words]
        return troubles

    async def _list_subscriptions(self, interaction: Interaction) -> list[Subscription]:
        found = await self.bot.store.subscriptions.list_for_guild(guild_id_of(interaction))
        if not found:
            raise UserError(tr("No subscriptions yet. Add one with `/digest setup`."))
        return found

    async def _show_subscription(self, interaction: Interaction, subscription: Subscription, text: str) -> None:
        text += await subscription_notes(interaction, subscription)
        summary = summarize_options(subscription.options)
        await answer_interaction(interaction, text, embed=render_subscription(subscription, summary))
