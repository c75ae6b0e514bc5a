"""What channel managers read: their subscriptions, a draft of one, quiet hours, and what a wish would have brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import discord

from bot.cards.model import Related
from bot.desk.quiet import QuietHours
from bot.desk.subscription import Layout, OnWithdrawal, Subscription, When, Wish
from bot.desk.timetable import words_of
from bot.language import ENGLISH, own_name
from bot.render.card import SEPARATOR, address, headline
from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, EMBED_TITLE, FIELD_VALUE, units
from bot.render.listing import listed
from bot.render.listing import story as related
from bot.render.markdown import cut, fitted
from bot.store.quiet import QuietChannel
from bot.store.records import FiledCard

_TOPICS_SHOWN = 200


def subscriptions_embed(subscriptions: Sequence[Subscription], quiet: Sequence[QuietChannel] = ()) -> discord.Embed:
    """Which channels asked for what, and when it comes next."""
    text = listed(subscriptions, _entry, EMBED_DESCRIPTION) or "No channel has subscribed yet."
    embed = discord.Embed(title="Subscriptions", description=text, colour=NEUTRAL)
    if quiet:
        embed.add_field(name="Quiet hours", value=listed(quiet, _quiet_line, FIELD_VALUE), inline=False)
    return embed


def subscription_embed(subscription: Subscription) -> discord.Embed:
    """One subscription in full."""
    embed = draft_embed(subscription.channel_id, subscription.wish)
    embed.title = "Subscription"
    if subscription.paused or subscription.next_at:
        embed.add_field(name="Next", value=_capital(_next(subscription).removeprefix("next ")), inline=False)
    return embed


def begins(subscription: Subscription) -> str:
    """What a new subscription's people may expect."""
    channel = f"<#{subscription.channel_id}>"
    if subscription.next_at is None:
        return f"{channel} gets new cards from now on; those that are already out are not posted."
    return f"{channel} gets its first digest {discord.utils.format_dt(subscription.next_at, 'R')}."


def draft_embed(channel_id: int | None, wish: Wish) -> discord.Embed:
    """A wish in words, before it is a subscription."""
    embed = discord.Embed(title="New subscription", colour=NEUTRAL)
    embed.add_field(name="Channel", value=f"<#{channel_id}>" if channel_id else "*not chosen yet*")
    embed.add_field(name="When", value=_capital(words_of(wish)))
    embed.add_field(name="Topics", value=fitted(", ".join(wish.topics), FIELD_VALUE) or "Every topic", inline=False)
    if how := _how(wish):
        embed.add_field(name="How", value=_capital(how), inline=False)
    return embed


def _how(wish: Wish) -> str:
    limits = fitted("; ".join(_limits(wish)), FIELD_VALUE - 100)
    calls = f"calls <@&{wish.mention}>" if wish.mention else ""
    return "; ".join(filter(None, (limits, calls)))


def _limits(wish: Wish) -> list[str]:
    """Whatever differs from an ordinary subscription."""
    digest = wish.when is not When.INSTANT
    words = {
        f"as a list of at most {wish.max_cards} headlines": digest and wish.layout is Layout.LIST,
        f"at most {wish.max_cards} cards": digest and wish.layout is not Layout.LIST,
        f"quality at least {wish.min_quality}": wish.min_quality > 0,
        f"without {', '.join(wish.without)}": bool(wish.without),
        "also when there is nothing new": digest and not wish.skip_empty,
        "published to following channels": wish.crosspost,
        "a note stays when a card is withdrawn": wish.on_withdrawal is OnWithdrawal.MARK,
        "withdrawn cards stay": wish.on_withdrawal is OnWithdrawal.KEEP,
        f"in {own_name(wish.language or ENGLISH)}": wish.language is not None,
    }
    return [text for text, applies in words.items() if applies]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _entry(subscription: Subscription, room: int) -> str:
    """Two lines: where and what; when, and when next."""
    wish = subscription.wish
    head = f"<#{subscription.channel_id}>{SEPARATOR}"
    behind = "\n" + SEPARATOR.join(filter(None, [words_of(wish), *_limits_in_short(wish), _next(subscription)]))
    left = room - units(head) - units(behind)
    topics = fitted(", ".join(wish.topics), min(_TOPICS_SHOWN, left - 4)) if wish.topics else "every topic"
    topics = f"**{topics}**" if topics else ""
    return head + topics + behind if topics and units(topics) <= left else ""


def _limits_in_short(wish: Wish) -> list[str]:
    words = [f"quality ≥ {wish.min_quality}"] if wish.min_quality > 0 else []
    words += [f"without {fitted(', '.join(wish.without), 60)}"] if wish.without else []
    return words


def _next(subscription: Subscription) -> str:
    if subscription.paused:
        return "paused"
    if subscription.next_at is None:
        return ""
    return f"next {discord.utils.format_dt(subscription.next_at, 'R')}"


def _quiet_line(channel: QuietChannel, room: int) -> str:
    state = "quiet now, until" if channel.is_quiet else "next"
    turn = f"{state} {discord.utils.format_dt(channel.turns_at, 'R')}"
    line = SEPARATOR.join((f"<#{channel.channel_id}>", _hours(channel.hours), turn))
    return line if units(line) <= room else ""


def _hours(hours: QuietHours) -> str:
    passing = f", except for heat ≥ {hours.passing_heat}" if hours.passing_heat is not None else ""
    return f"{hours.starts:%H:%M} to {hours.ends:%H:%M} ({hours.timezone}){passing}"


def quiet_text(channel_id: int, hours: QuietHours) -> str:
    """What was set, and what it means."""
    return f"<#{channel_id}> is quiet from {_hours(hours)}. Cards that come then wait, and follow together at its end."


@dataclass(frozen=True, slots=True)
class Past:
    """What a wish would have brought, with its cards, newest first. `digests` is 0 for an instant one."""

    days: Sequence[tuple[date, int]]
    digests: int
    cards: Sequence[FiledCard]


def whatif_embed(wish: Wish, past: Past, chart: str) -> discord.Embed:
    """The last days as the wish would have had them; `chart` is the address of its picture."""
    total, days = sum(count for _, count in past.days), len(past.days)
    title = cut(f"The last {days} days, {words_of(wish)}", EMBED_TITLE)
    embed = discord.Embed(title=title, colour=NEUTRAL)
    digests = f" in {past.digests:,} digest{'' if past.digests == 1 else 's'}" if past.digests else ""
    busiest, most = max(past.days, key=lambda day: day[1])
    head = (
        f"**{total:,} card{'' if total == 1 else 's'}**{digests}, about **{total / days:.1f} a day**, "
        f"at most {most:,} (on {busiest:%-d %B}).\n"
        f"Topics: {fitted(', '.join(wish.topics), _TOPICS_SHOWN) or 'every topic'}.\n\n"
    )
    numbered = list(enumerate(past.cards, start=1))
    newest = listed(numbered, _past_line, EMBED_DESCRIPTION - units(head), at_most=10)
    embed.description = head + newest
    embed.set_image(url=chart)
    return embed


def _past_line(entry: tuple[int, FiledCard], room: int) -> str:
    number, filed = entry
    day = f"{number}. {discord.utils.format_dt(filed.card.published_at, 'd')} "
    story = Related(
        headline(filed.card), address(filed.card) or "", filed.card.provider.name if filed.card.provider else ""
    )
    words = related(story, room - units(day))
    return day + words if words else ""
