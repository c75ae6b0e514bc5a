"""Commands for channel managers: choose which cards are posted in which channel, when, and in what layout."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.desk.quiet import parse as quiet_hours
from bot.desk.subscription import Layout, OnWithdrawal, Subscription, When
from bot.errors import UserError
from bot.gateway import suggestions
from bot.gateway.acknowledgement import answer
from bot.gateway.client import NewsBot
from bot.gateway.previews import preview_reply, whatif_reply, why_reply
from bot.gateway.rights import gone_roles, guild_id, mention_trouble, require_channel_manager, trouble
from bot.gateway.setup import SetupView
from bot.gateway.suggestions import Target
from bot.gateway.wishes import (
    SERVERS_OWN,
    Asked,
    about_unknown,
    as_this_person,
    base_wish,
    remember_zone,
    require_possible,
    subscribe,
    wish_of,
    without_gone_role,
)
from bot.language import languages, own_name, tr
from bot.render.reports import ChannelCheck, check_embed
from bot.render.subscriptions import (
    begins,
    quiet_text,
    quiet_trouble,
    sent_text,
    subscription_embed,
    subscriptions_embed,
    trouble_words,
)

Interaction = discord.Interaction[NewsBot]
Text = app_commands.Range[str, 0, 500]
Quality = app_commands.Range[int, 0, 1000]
Cards = app_commands.Range[int, 1, 25]

_ABOUT = {
    "when": "When they come; instant when left out, daily when you give a time of day",
    "at": "Times of day of a digest, such as 9:00, 18:30; for hourly ones the minute, such as 0:15",
    "on": "Days of a digest, such as mon-fri or Sat",
    "timezone": "Time zone of these times; this server's last one when left out",
    "topics": "One or more topics, with commas between them; nothing means every topic",
    "without": "Topics or words to leave out, with commas between them",
    "min_quality": "Only cards of at least this quality (about 0 to 190)",
    "max_cards": "At most so many cards in a digest (10 when left out)",
    "layout": "How a digest looks: small cards, or a list of headlines",
    "mention": "A role to call when they come",
    "crosspost": "Publish to the channels that follow this announcement channel",
    "on_withdrawal": "What becomes of a post whose card is withdrawn; it is deleted when left out",
    "skip_empty": "Post no digest when there is nothing new; yes when left out",
    "language": "Language of what I write around the cards; this server's when left out",
}
_CHOOSES = ("when", "at", "on", "timezone", "topics", "without", "min_quality", "max_cards")
"""Options that select cards and times; the others affect the messages."""
_WHEN = {
    When.INSTANT: "instant: each card as it appears",
    When.HOURLY: "hourly digest",
    When.DAILY: "daily digest",
    When.WEEKDAYS: "digest from Monday to Friday",
    When.WEEKLY: "weekly digest",
}
_LAYOUTS = {Layout.CARDS: "cards: a small embed each", Layout.LIST: "list: linked headlines"}
_WITHDRAWAL = {
    OnWithdrawal.DELETE: "delete the post",
    OnWithdrawal.MARK: "leave a note in its place",
    OnWithdrawal.KEEP: "keep it as it is",
}


def _choices(named: dict[Any, str]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=words, value=str(kind)) for kind, words in named.items()]


_LANGUAGES = {SERVERS_OWN: "this server's", **{language: own_name(language) for language in languages()}}
_CHOICES = {
    "when": _choices(_WHEN),
    "layout": _choices(_LAYOUTS),
    "on_withdrawal": _choices(_WITHDRAWAL),
    "language": _choices(_LANGUAGES),
}
_COMPLETE = {
    "topics": suggestions.several_topics,
    "without": suggestions.several_topics,
    "timezone": suggestions.time_zones,
}
_ONE = {"subscription": suggestions.subscriptions}


@app_commands.guild_only()
@app_commands.default_permissions(manage_channels=True)
class DigestCommands(commands.GroupCog, name="digest", description="Which cards come to which channel"):
    """/digest subscribe, setup, edit, list, pause, resume, remove, preview, why, now, quiet, whatif, check."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(name="subscribe", description="Bring cards to a channel")
    @app_commands.describe(channel="Where the cards go", **_ABOUT)
    @app_commands.choices(**_CHOICES)
    @app_commands.autocomplete(**_COMPLETE)
    async def subscribe(
        self,
        interaction: Interaction,
        channel: Target,
        topics: Text | None = None,
        when: str | None = None,
        at: Text | None = None,
        on: Text | None = None,
        timezone: Text | None = None,
        without: Text | None = None,
        min_quality: Quality | None = None,
        max_cards: Cards | None = None,
        layout: str | None = None,
        mention: discord.Role | None = None,
        crosspost: bool | None = None,
        on_withdrawal: str | None = None,
        skip_empty: bool | None = None,
        language: str | None = None,
    ) -> None:
        await require_channel_manager(interaction, channel.id)
        asked = Asked(
            when, at, on, timezone, topics, without, min_quality, max_cards, layout, mention, crosspost, on_withdrawal,
            skip_empty, language,
        )  # fmt: skip
        made = await subscribe(interaction, channel, wish_of(asked, await base_wish(interaction)))
        await remember_zone(interaction, timezone)
        await self._show(interaction, made, begins(made))

    @app_commands.command(description="Bring cards to a channel, step by step, with a preview")
    async def setup(self, interaction: Interaction) -> None:
        view = await SetupView.begun(interaction)
        await answer(interaction, **view.reply())

    @app_commands.command(description="Change a subscription; what you leave out stays as it is")
    @app_commands.describe(subscription="Choose it from the list", **_ABOUT)
    @app_commands.choices(**_CHOICES)
    @app_commands.autocomplete(**_ONE, **_COMPLETE)
    async def edit(
        self,
        interaction: Interaction,
        subscription: str,
        topics: Text | None = None,
        when: str | None = None,
        at: Text | None = None,
        on: Text | None = None,
        timezone: Text | None = None,
        without: Text | None = None,
        min_quality: Quality | None = None,
        max_cards: Cards | None = None,
        layout: str | None = None,
        mention: discord.Role | None = None,
        crosspost: bool | None = None,
        on_withdrawal: str | None = None,
        skip_empty: bool | None = None,
        language: str | None = None,
    ) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        asked = Asked(
            when, at, on, timezone, topics, without, min_quality, max_cards, layout, mention, crosspost, on_withdrawal,
            skip_empty, language,
        )  # fmt: skip
        wish = wish_of(asked, without_gone_role(interaction, chosen.wish))
        if wish == chosen.wish and not chosen.unusable:
            raise UserError(tr("Nothing would change. Give at least one option a new value; `all` empties a list."))
        require_possible(interaction, await suggestions.target(interaction, chosen.channel_id), wish)
        changed = await self.bot.newsroom.change(chosen, wish)
        await remember_zone(interaction, timezone)
        await self._show(interaction, changed, tr("The subscription is changed."))

    @app_commands.command(name="list", description="What is subscribed in this server, and when it comes next")
    async def list_(self, interaction: Interaction) -> None:
        found = await self._found(interaction)
        quiet = await self.bot.store.quiet.of_guild(guild_id(interaction))
        gone = gone_roles(interaction, {each.wish.mention for each in found if each.wish.mention})
        await answer(interaction, embed=subscriptions_embed(found, quiet, gone))

    @app_commands.command(description="Let a subscription rest; posts that are there stay")
    @app_commands.describe(subscription="Choose it from the list")
    @app_commands.autocomplete(**_ONE)
    async def pause(self, interaction: Interaction, subscription: str) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        if chosen.paused:
            raise UserError(tr("This subscription rests already. `/digest resume` wakes it."))
        await self.bot.store.subscriptions.pause(chosen, self.bot.clock())
        channel = f"<#{chosen.channel_id}>"
        text = tr("{channel} gets none of these cards until `/digest resume`.", channel=channel)
        await answer(interaction, text)

    @app_commands.command(description="Wake a subscription that was paused; what it missed is not made up for")
    @app_commands.describe(subscription="Choose it from the list")
    @app_commands.autocomplete(**_ONE)
    async def resume(self, interaction: Interaction, subscription: str) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        if not chosen.paused:
            raise UserError(tr("This subscription is not paused."))
        resumed = await self.bot.store.subscriptions.resume(chosen, self.bot.clock())
        await self._show(interaction, resumed, tr("The subscription goes on."))

    @app_commands.command(description="End a subscription; posts that are there stay")
    @app_commands.describe(subscription="Choose it from the list")
    @app_commands.autocomplete(**_ONE)
    async def remove(self, interaction: Interaction, subscription: str) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        await self.bot.store.subscriptions.remove(chosen.guild_id, chosen.id)
        text = tr("{channel} gets no more of these cards.", channel=f"<#{chosen.channel_id}>")
        await answer(interaction, text)

    @app_commands.command(description="What the next digest would bring, as it would look")
    @app_commands.describe(subscription="Choose it from the list")
    @app_commands.autocomplete(**_ONE)
    async def preview(self, interaction: Interaction, subscription: str) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        await answer(interaction, **await preview_reply(interaction, chosen))

    @app_commands.command(description="Why a subscription brings a card, or does not")
    @app_commands.describe(subscription="Choose it from the list", card="Type words of its title, then choose")
    @app_commands.autocomplete(**_ONE, card=suggestions.cards)
    async def why(self, interaction: Interaction, subscription: str, card: app_commands.Range[str, 1, 200]) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        found = await suggestions.chosen_card(interaction, card)
        await answer(interaction, await why_reply(interaction, chosen, found))

    @app_commands.command(description="Send the next digest at once, in addition to its times")
    @app_commands.describe(subscription="Choose it from the list")
    @app_commands.autocomplete(**_ONE)
    async def now(self, interaction: Interaction, subscription: str) -> None:
        chosen = await suggestions.chosen_subscription(interaction, subscription)
        if chosen.wish.when is When.INSTANT:
            raise UserError(tr("Instant cards come by themselves; only a digest can be sent early."))
        if chosen.paused:
            raise UserError(tr("The subscription is paused. `/digest resume` wakes it."))
        if words := trouble_words(chosen):
            raise UserError(words)
        channel = await suggestions.target(interaction, chosen.channel_id)
        sent = await self.bot.newsroom.send_now(as_this_person(interaction, chosen, channel))
        if not sent.cards:
            raise UserError(tr("Nothing new has come in since the last digest, so none was sent."))
        await answer(interaction, sent_text(chosen.channel_id, sent.cards, sent.quiet_until))

    @app_commands.command(description="When a channel is not to be disturbed: cards wait and come as one digest")
    @app_commands.describe(
        channel="Which channel",
        starts="When it begins, such as 22:00; without both times quiet hours are ended",
        ends="When it ends, such as 7:00",
        timezone="Time zone of these times; this server's last one when left out",
        heat="Stories of at least this heat come all the same (about 70 to 1000)",
    )
    @app_commands.rename(starts="from", ends="to")
    @app_commands.autocomplete(timezone=suggestions.time_zones)
    async def quiet(
        self,
        interaction: Interaction,
        channel: Target,
        starts: Text | None = None,
        ends: Text | None = None,
        timezone: Text | None = None,
        heat: app_commands.Range[int, 0, 100_000] | None = None,
    ) -> None:
        await require_channel_manager(interaction, channel.id)
        server, now = guild_id(interaction), self.bot.clock()
        if not starts and not ends:
            if not await self.bot.store.quiet.end(server, channel.id, now):
                none = tr("{channel} has no quiet hours. Give `from` and `to` to set some.", channel=channel.mention)
                raise UserError(none)
            await self.bot.newsroom.plan()
            text = tr("{channel} has no quiet hours any more.", channel=channel.mention)
            await answer(interaction, text)
            return
        if not starts or not ends:
            raise UserError(tr("Quiet hours need both times, `from` and `to`, such as 22:00 and 7:00."))
        zone = timezone or (await base_wish(interaction)).timezone
        hours = quiet_hours(starts, ends, zone, heat)
        await self.bot.store.quiet.set(server, channel.id, hours, now)
        await remember_zone(interaction, timezone)
        await answer(interaction, quiet_text(channel.id, hours))

    @app_commands.command(description="What a subscription like this would have brought in the last 30 days")
    @app_commands.describe(**{name: _ABOUT[name] for name in _CHOOSES})
    @app_commands.choices(when=_CHOICES["when"])
    @app_commands.autocomplete(**_COMPLETE)
    async def whatif(
        self,
        interaction: Interaction,
        topics: Text | None = None,
        when: str | None = None,
        at: Text | None = None,
        on: Text | None = None,
        timezone: Text | None = None,
        without: Text | None = None,
        min_quality: Quality | None = None,
        max_cards: Cards | None = None,
    ) -> None:
        asked = Asked(when, at, on, timezone, topics, without, min_quality, max_cards)
        wish = wish_of(asked, await base_wish(interaction))
        await answer(interaction, **await whatif_reply(interaction, wish))

    @app_commands.command(description="Whether I can post in the subscribed channels, and how to mend it")
    async def check(self, interaction: Interaction) -> None:
        found = await self._found(interaction)
        closed = {circuit.channel_id for circuit in await self.bot.store.circuits.of_guild(guild_id(interaction))}
        checks = [
            ChannelCheck(channel_id, words)
            for channel_id, troubles in (await self._troubles(interaction, found, closed)).items()
            for words in troubles or [""]
        ]
        await answer(interaction, embed=check_embed(checks))

    async def _troubles(
        self, interaction: Interaction, found: Sequence[Subscription], closed: Collection[int]
    ) -> dict[int, list[str]]:
        """Return the problems of each channel and of its subscriptions."""
        quiet = await self.bot.store.quiet.of_guild(guild_id(interaction))
        troubles: dict[int, list[str]] = {}
        for channel_id in dict.fromkeys(each.channel_id for each in found):
            said = [await trouble(interaction, channel_id, closed)]
            here = [each for each in found if each.channel_id == channel_id]
            said += [trouble_words(each) for each in here]
            said += [mention_trouble(interaction, channel_id, each.wish.mention) for each in here]
            said += [quiet_trouble(each) for each in quiet if each.channel_id == channel_id]
            troubles[channel_id] = [words for words in dict.fromkeys(said) if words]
        return troubles

    async def _found(self, interaction: Interaction) -> list[Subscription]:
        found = await self.bot.store.subscriptions.of_guild(guild_id(interaction))
        if not found:
            raise UserError(tr("Nothing is subscribed yet. `/digest setup` brings cards to a channel, step by step."))
        return found

    async def _show(self, interaction: Interaction, subscription: Subscription, text: str) -> None:
        text += await about_unknown(interaction, subscription.wish.topics)
        await answer(interaction, text, embed=subscription_embed(subscription))
