"""Texts for channel managers: subscriptions, drafts, quiet hours, and simulations of settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import discord

from bot.cards.model import Related
from bot.desk.quiet import QuietHours
from bot.desk.subscription import Layout, OnWithdrawal, Subscription, When, Wish
from bot.desk.timetable import words_of
from bot.language import ENGLISH, day_of_year, decimal, marked, number, own_name, tr, trn
from bot.render.card import SEPARATOR, address, headline
from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, EMBED_TITLE, FIELD_VALUE, units
from bot.render.listing import listed
from bot.render.listing import story as related
from bot.render.markdown import cut, escaped, fitted
from bot.store.quiet import QuietChannel
from bot.store.records import FiledCard

_TOPICS_SHOWN = 200


def subscriptions_embed(
    subscriptions: Sequence[Subscription], quiet: Sequence[QuietChannel] = (), gone_roles: Collection[int] = ()
) -> discord.Embed:
    """List subscriptions with their next date. `gone_roles` are deleted roles that are still set as mentions."""

    def entry(subscription: Subscription, room: int) -> str:
        return _entry(subscription, room, calls_gone_role=subscription.wish.mention in gone_roles)

    text = listed(subscriptions, entry, EMBED_DESCRIPTION) or tr("No channel has subscribed yet.")
    embed = discord.Embed(title=tr("Subscriptions"), description=text, colour=NEUTRAL)
    if quiet:
        embed.add_field(name=tr("Quiet hours"), value=listed(quiet, _quiet_line, FIELD_VALUE), inline=False)
    return embed


def subscription_embed(subscription: Subscription) -> discord.Embed:
    """Render one subscription in full."""
    embed = draft_embed(subscription.channel_id, subscription.wish)
    embed.title = tr("Subscription")
    if subscription.paused:
        embed.add_field(name=tr("Next"), value=_capital(tr("paused")), inline=False)
    elif words := trouble_words(subscription):
        embed.add_field(name=tr("Next"), value=f"⚠️ {words}", inline=False)
    elif subscription.next_at:
        embed.add_field(name=tr("Next"), value=discord.utils.format_dt(subscription.next_at, "R"), inline=False)
    return embed


def begins(subscription: Subscription) -> str:
    """Describe what to expect from a new subscription."""
    channel = f"<#{subscription.channel_id}>"
    if subscription.next_at is None:
        text = marked("{channel} gets new cards from now on; those that are already out are not posted.")
        return tr(text, channel=channel)
    when = discord.utils.format_dt(subscription.next_at, "R")
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
        "{channel} is quiet now. A digest of {count} card comes {when}.",
        "{channel} is quiet now. A digest of {count} cards comes {when}.",
        cards,
        channel=channel,
        when=discord.utils.format_dt(quiet_until, "R"),
    )


def draft_embed(channel_id: int | None, wish: Wish) -> discord.Embed:
    """Describe settings that are not a subscription yet."""
    embed = discord.Embed(title=tr("New subscription"), colour=NEUTRAL)
    embed.add_field(name=tr("Channel"), value=f"<#{channel_id}>" if channel_id else f"*{tr('not chosen yet')}*")
    embed.add_field(name=tr("When"), value=_capital(words_of(wish)))
    topics = fitted(", ".join(wish.topics), FIELD_VALUE) or _capital(tr("every topic"))
    embed.add_field(name=tr("Topics"), value=topics, inline=False)
    if how := _how(wish):
        embed.add_field(name=tr("How"), value=_capital(how), inline=False)
    return embed


def _how(wish: Wish) -> str:
    limits = fitted("; ".join(_limits(wish)), FIELD_VALUE - 100)
    calls = tr("calls {role}", role=f"<@&{wish.mention}>") if wish.mention else ""
    return "; ".join(filter(None, (limits, calls)))


def _limits(wish: Wish) -> list[str]:
    """List the settings that differ from the defaults."""
    digest, most = wish.when is not When.INSTANT, wish.max_cards
    words = {
        trn("as a list of at most {count} headline", "as a list of at most {count} headlines", most): digest
        and wish.layout is Layout.LIST,
        trn("at most {count} card", "at most {count} cards", most): digest and wish.layout is not Layout.LIST,
        tr("quality at least {quality}", quality=wish.min_quality): wish.min_quality > 0,
        tr("without {words}", words=", ".join(wish.without)): bool(wish.without),
        tr("also when there is nothing new"): digest and not wish.skip_empty,
        tr("published to following channels"): wish.crosspost,
        tr("a note stays when a card is withdrawn"): wish.on_withdrawal is OnWithdrawal.MARK,
        tr("withdrawn cards stay"): wish.on_withdrawal is OnWithdrawal.KEEP,
        tr("in {language}", language=own_name(wish.language or ENGLISH)): wish.language is not None,
    }
    return [text for text, applies in words.items() if applies]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _entry(subscription: Subscription, room: int, *, calls_gone_role: bool) -> str:
    """Return two lines: channel and topics; schedule and next date."""
    wish = subscription.wish
    head = f"<#{subscription.channel_id}>{SEPARATOR}"
    gone = tr("⚠️ calls a role that is gone") if calls_gone_role else ""
    behind = "\n" + SEPARATOR.join(filter(None, [words_of(wish), *_limits_in_short(wish), gone, _next(subscription)]))
    left = room - units(head) - units(behind)
    topics = fitted(", ".join(wish.topics), min(_TOPICS_SHOWN, left - 4)) if wish.topics else tr("every topic")
    topics = f"**{topics}**" if topics else ""
    return head + topics + behind if topics and units(topics) <= left else ""


def _limits_in_short(wish: Wish) -> list[str]:
    words = [tr("quality ≥ {quality}", quality=wish.min_quality)] if wish.min_quality > 0 else []
    words += [tr("without {words}", words=fitted(", ".join(wish.without), 60))] if wish.without else []
    return words


def trouble_words(subscription: Subscription) -> str:
    """Describe why a subscription currently posts nothing, with the fix; empty if nothing is wrong."""
    if "timezone" in subscription.unusable:
        return tr(
            "I do not know the time zone “{zone}” of this digest, so it rests. Choose another one: `/digest edit`.",
            zone=escaped(subscription.wish.timezone),
        )
    if subscription.unusable:
        return tr(
            "I cannot read all of this subscription, so it rests. Remove it and set it up anew: `/digest remove`, "
            "`/digest setup`."
        )
    return tr("The last digest could not be made. I try again by myself.") if subscription.trouble else ""


def _next(subscription: Subscription) -> str:
    if subscription.paused:
        return tr("paused")
    if words := trouble_words(subscription):
        return f"⚠️ {words}"
    if subscription.next_at is None:
        return ""
    return tr("next {when}", when=discord.utils.format_dt(subscription.next_at, "R"))


def _quiet_line(channel: QuietChannel, room: int) -> str:
    if not channel.usable:
        line = SEPARATOR.join((f"<#{channel.channel_id}>", f"⚠️ {quiet_trouble(channel)}"))
        return line if units(line) <= room else ""
    when = discord.utils.format_dt(channel.turns_at, "f")
    turn = tr("quiet now, until {when}", when=when) if channel.is_quiet else tr("next {when}", when=when)
    line = SEPARATOR.join((f"<#{channel.channel_id}>", _hours(channel.hours), turn))
    return line if units(line) <= room else ""


def quiet_trouble(channel: QuietChannel) -> str:
    """Describe why a channel's quiet hours have no effect, with the fix; empty if they do."""
    if channel.usable:
        return ""
    return tr(
        "I cannot read the quiet hours ({timezone}), so there are none. Set them again: `/digest quiet`.",
        timezone=escaped(channel.hours.timezone),
    )


def _hours(hours: QuietHours) -> str:
    text = marked("{start} to {end} ({timezone})")
    if hours.passing_heat is not None:
        text = marked("{start} to {end} ({timezone}), except for heat ≥ {heat}")
    start, end = f"{hours.starts:%H:%M}", f"{hours.ends:%H:%M}"
    return tr(text, start=start, end=end, timezone=hours.timezone, heat=hours.passing_heat)


def quiet_text(channel_id: int, hours: QuietHours) -> str:
    """Describe the quiet hours that were set, and their effect."""
    return tr(
        "{channel} is quiet from {hours}. Cards that come then wait, and follow together at its end.",
        channel=f"<#{channel_id}>",
        hours=_hours(hours),
    )


@dataclass(frozen=True, slots=True)
class Past:
    """The simulated result of settings: cards, newest first. `digests` is 0 for an instant subscription."""

    days: Sequence[tuple[date, int]]
    digests: int
    cards: Sequence[FiledCard]


def whatif_embed(wish: Wish, past: Past, chart: str) -> discord.Embed:
    """Render the simulation of the last days; `chart` is the URL of its image."""
    title = tr("The last {days} days, {schedule}", days=len(past.days), schedule=words_of(wish))
    embed = discord.Embed(title=cut(title, EMBED_TITLE), colour=NEUTRAL)
    topics = fitted(", ".join(wish.topics), _TOPICS_SHOWN) or tr("every topic")
    head = f"{_in_numbers(past)}\n{tr('Topics: {topics}.', topics=topics)}\n\n"
    numbered = list(enumerate(past.cards, start=1))
    newest = listed(numbered, _past_line, EMBED_DESCRIPTION - units(head), at_most=10)
    embed.description = head + newest
    embed.set_image(url=chart)
    return embed


def _in_numbers(past: Past) -> str:
    total = sum(count for _, count in past.days)
    busiest, most = max(past.days, key=lambda day: day[1])
    return tr(
        _IN_DIGESTS if past.digests else _ONE_BY_ONE,
        cards=trn("{count} card", "{count} cards", total),
        digests=trn("{count} digest", "{count} digests", past.digests),
        average=decimal(total / len(past.days)),
        most=number(most),
        day=day_of_year(busiest),
    )


_ONE_BY_ONE = marked("**{cards}**, about **{average} a day**, at most {most} (on {day}).")
_IN_DIGESTS = marked("**{cards}** in {digests}, about **{average} a day**, at most {most} (on {day}).")


def _past_line(entry: tuple[int, FiledCard], room: int) -> str:
    place, filed = entry
    day = f"{place}. {discord.utils.format_dt(filed.card.published_at, 'd')} "
    story = Related(
        headline(filed.card), address(filed.card) or "", filed.card.provider.name if filed.card.provider else ""
    )
    words = related(story, room - units(day))
    return day + words if words else ""
