"""Texts for channel managers: subscriptions, drafts, quiet hours, and simulations of settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import discord

from bot.cards.model import RelatedArticle
from bot.domain.digest_schedule import describe_schedule
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Subscription, SubscriptionOptions
from bot.i18n import format_day_of_year, format_decimal, format_number, tr, tr_noop, trn
from bot.render.card import SEPARATOR, format_headline, link_target
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines
from bot.render.fit_lines import format_story as related
from bot.render.limits import EMBED_DESCRIPTION, EMBED_TITLE, FIELD_VALUE, count_units
from bot.render.markdown import cut_text, escape_markdown, fit_escaped
from bot.store.cards.rows import StoredCard
from bot.store.subscriptions.quiet_hours import QuietChannel

_TOPICS_SHOWN = 200
NEWEST = 10
"""Cards that a simulation names."""
_SHORT = 60
"""Characters of other filters in a list."""


def render_subscriptions(
    subscriptions: Sequence[Subscription], quiet: Sequence[QuietChannel] = (), gone_roles: Collection[int] = ()
) -> discord.Embed:
    """List subscriptions with their next date. `gone_roles` are deleted roles that are still set as mentions."""

    def format_entry(subscription: Subscription, room: int) -> str:
        return _subscription_entry(
            subscription, room, calls_gone_role=subscription.options.mention_role_id in gone_roles
        )

    grouped = sorted(subscriptions, key=lambda each: each.channel_id)
    text = fit_lines(grouped, format_entry, EMBED_DESCRIPTION, separator="\n\n") or tr("No subscriptions yet.")
    embed = discord.Embed(title=tr("Subscriptions"), description=text, colour=NEUTRAL)
    if quiet:
        embed.add_field(name=tr("Quiet hours"), value=fit_lines(quiet, _quiet_line, FIELD_VALUE), inline=False)
    return embed


def render_subscription(subscription: Subscription, summary: Sequence[str]) -> discord.Embed:
    """Render one subscription in full."""
    embed = render_draft(subscription.channel_id, subscription.options, summary)
    embed.title = tr("Subscription")
    if subscription.paused:
        embed.add_field(name=tr("Next"), value=capitalize_first(tr("paused")), inline=False)
    elif words := trouble_text(subscription):
        embed.add_field(name=tr("Next"), value=f"⚠️ {words}", inline=False)
    elif subscription.next_digest_at:
        embed.add_field(name=tr("Next"), value=discord.utils.format_dt(subscription.next_digest_at, "R"), inline=False)
    return embed


def subscribed_text(subscription: Subscription, first_cards: int) -> str:
    """Describe what to expect from a new subscription; `first_cards` are posted at once."""
    channel = f"<#{subscription.channel_id}>"
    if first_cards:
        return trn(
            "{channel} gets the latest {count} card now, and new cards from now on.",
            "{channel} gets the latest {count} cards now, and new cards from now on.",
            first_cards,
            channel=channel,
        )
    if subscription.options.backfill:
        return tr("{channel} gets new cards from now on. None of the earlier cards match.", channel=channel)
    if subscription.next_digest_at is None:
        text = tr_noop("{channel} gets new cards from now on; those that are already out are not posted.")
        return tr(text, channel=channel)
    when = discord.utils.format_dt(subscription.next_digest_at, "R")
    return tr("{channel} gets its first digest {when}.", channel=channel, when=when)


def sent_text(channel_id: int, cards: int, quiet_until: datetime | None) -> str:
    """Describe the outcome of a digest requested now."""
    channel = f"<#{channel_id}>"
    if quiet_until is None:
        return trn(
            "A digest of {count} card is on its way to {channel}.",
            "A digest of {count} cards is on its way to {channel}.",
            cards,
            channel=channel,
        )
    return trn(
        "{channel} has quiet hours now. A digest of {count} card comes {when}.",
        "{channel} has quiet hours now. A digest of {count} cards comes {when}.",
        cards,
        channel=channel,
        when=discord.utils.format_dt(quiet_until, "R"),
    )


def render_draft(channel_id: int | None, options: SubscriptionOptions, summary: Sequence[str]) -> discord.Embed:
    """Describe settings that are not a subscription yet. `summary` is what differs from an ordinary one."""
    embed = discord.Embed(title=tr("New subscription"), colour=NEUTRAL)
    embed.add_field(name=tr("Channel"), value=f"<#{channel_id}>" if channel_id else f"*{tr('not chosen yet')}*")
    embed.add_field(name=tr("When"), value=capitalize_first(describe_schedule(options)))
    topics = fit_escaped(", ".join(options.topics), FIELD_VALUE) or _every_topic()
    embed.add_field(name=tr("Topics"), value=topics, inline=False)
    if how := fit_lines(
        summary, lambda text, room: text if count_units(text) <= room else "", FIELD_VALUE, separator="; "
    ):
        embed.add_field(name=tr("How"), value=capitalize_first(how), inline=False)
    return embed


def capitalize_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _subscription_entry(subscription: Subscription, room: int, *, calls_gone_role: bool) -> str:
    """Return two lines: channel, schedule and next date; topics and other filters."""
    options = subscription.options
    head = SEPARATOR.join(
        filter(None, [f"**<#{subscription.channel_id}>**", describe_schedule(options), _next_text(subscription)])
    )
    gone = tr("⚠️ mentions a deleted role") if calls_gone_role else ""
    behind = "".join(f"{SEPARATOR}{words}" for words in [*list_limits(options), gone] if words)
    remaining = room - count_units(head) - count_units(behind) - 1
    topics = fit_escaped(", ".join(options.topics), min(_TOPICS_SHOWN, remaining)) if options.topics else _every_topic()
    return f"{head}\n{topics}{behind}" if topics and count_units(topics) <= remaining else ""


def _every_topic() -> str:
    return capitalize_first(tr("every topic"))


def list_limits(options: SubscriptionOptions) -> list[str]:
    """Return the filters beside topics, in a few words each."""
    limits = [tr("quality ≥ {quality}", quality=options.min_quality)] if options.min_quality > 0 else []
    if options.words:
        limits.append(tr("with {words}", words=fit_escaped(", ".join(options.words), _SHORT)))
    if options.providers:
        limits.append(tr("only from {providers}", providers=fit_escaped(", ".join(options.providers), _SHORT)))
    if options.excluded:
        limits.append(tr("without {words}", words=fit_escaped(", ".join(options.excluded), _SHORT)))
    return limits


def trouble_text(subscription: Subscription) -> str:
    """Describe why a subscription currently posts nothing, with the fix; empty if nothing is wrong."""
    if "timezone" in subscription.unusable:
        return tr(
            "I don't know this digest's time zone “{zone}”, so it's paused. Choose another with `/digest edit`.",
            zone=escape_markdown(subscription.options.timezone),
        )
    if subscription.unusable:
        return tr(
            "I can't read some settings of this subscription, so it's suspended. Remove it with `/digest remove`, "
            "then set it up again with `/digest setup`."
        )
    return tr("The last digest failed. I'll try again automatically.") if subscription.trouble else ""


def _next_text(subscription: Subscription) -> str:
    if subscription.paused:
        return tr("paused")
    if words := trouble_text(subscription):
        return f"⚠️ {words}"
    if subscription.next_digest_at is None:
        return ""
    return tr("next {when}", when=discord.utils.format_dt(subscription.next_digest_at, "R"))


def _quiet_line(channel: QuietChannel, room: int) -> str:
    if not channel.usable:
        line = SEPARATOR.join((f"<#{channel.channel_id}>", f"⚠️ {quiet_trouble_text(channel)}"))
        return line if count_units(line) <= room else ""
    when = discord.utils.format_dt(channel.changes_at, "f")
    turn = tr("quiet until {when}", when=when) if channel.is_quiet else tr("next {when}", when=when)
    line = SEPARATOR.join((f"<#{channel.channel_id}>", _format_hours(channel.hours), turn))
    return line if count_units(line) <= room else ""


def quiet_trouble_text(channel: QuietChannel) -> str:
    """Describe why a channel's quiet hours have no effect, with the fix; empty if they do."""
    if channel.usable:
        return ""
    return tr(
        "I can't read these quiet hours ({timezone}), so they're off. Set them again with `/digest quiet`.",
        timezone=escape_markdown(channel.hours.timezone),
    )


def _format_hours(hours: QuietHours) -> str:
    text = tr_noop("{start} to {end} ({timezone})")
    if hours.override_heat is not None:
        text = tr_noop("{start} to {end} ({timezone}), except for heat ≥ {heat}")
    start, end = f"{hours.starts:%H:%M}", f"{hours.ends:%H:%M}"
    return tr(text, start=start, end=end, timezone=hours.timezone, heat=hours.override_heat)


def quiet_text(channel_id: int, hours: QuietHours) -> str:
    """Describe the quiet hours that were set, and their effect."""
    return tr(
        "Quiet hours in {channel}: {hours}. Cards that arrive then are posted together afterwards.",
        channel=f"<#{channel_id}>",
        hours=_format_hours(hours),
    )


@dataclass(frozen=True, slots=True)
class WhatIfResult:
    """The simulated result of settings: cards, newest first. `digests` is 0 for an instant subscription."""

    days: Sequence[tuple[date, int]]
    digests: int
    cards: Sequence[StoredCard]


def render_whatif(options: SubscriptionOptions, past: WhatIfResult, chart: str) -> discord.Embed:
    """Render the simulation of the last days; `chart` is the URL of its image."""
    title = tr("The last {days} days, {schedule}", days=len(past.days), schedule=describe_schedule(options))
    embed = discord.Embed(title=cut_text(title, EMBED_TITLE), colour=NEUTRAL)
    topics = fit_escaped(", ".join(options.topics), _TOPICS_SHOWN) or tr("every topic")
    filters = SEPARATOR.join([tr("Topics: {topics}.", topics=topics), *list_limits(options)])
    head = f"{_count_text(past)}\n{filters}\n\n"
    numbered = list(enumerate(past.cards[:NEWEST], start=1))
    embed.description = head + fit_lines(numbered, _whatif_line, EMBED_DESCRIPTION - count_units(head))
    if len(past.cards) > NEWEST:
        embed.set_footer(text=tr("These are the newest {count}.", count=format_number(NEWEST)))
    embed.set_image(url=chart)
    return embed


def _count_text(past: WhatIfResult) -> str:
    total = sum(count for _, count in past.days)
    busiest, most = max(past.days, key=lambda day: day[1])
    return tr(
        _IN_DIGESTS if past.digests else _ONE_BY_ONE,
        cards=trn("{count} card", "{count} cards", total),
        digests=trn("{count} digest", "{count} digests", past.digests),
        average=format_decimal(total / len(past.days)),
        most=format_number(most),
        day=format_day_of_year(busiest),
    )


_ONE_BY_ONE = tr_noop("**{cards}**, about **{average} a day**, at most {most} (on {day}).")
_IN_DIGESTS = tr_noop("**{cards}** in {digests}, about **{average} a day**, at most {most} (on {day}).")


def _whatif_line(entry: tuple[int, StoredCard], room: int) -> str:
    place, stored = entry
    day = f"{place}. {discord.utils.format_dt(stored.card.published_at, 'd')} "
    story = RelatedArticle(
        format_headline(stored.card),
        link_target(stored.card) or "",
        stored.card.provider.name if stored.card.provider else "",
    )
    words = related(story, room - count_units(day))
    return day + words if words else ""
