"""Texts about the feeds that a server follows: lists, previews, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.cards.urls import redact_url
from bot.domain.feed_rate import WEEKS
from bot.domain.followed_feed import FollowedFeed
from bot.domain.follows import DEFAULT_QUALITY, Follow, FollowPolicy
from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card import SEPARATOR, render_card
from bot.render.colour import NEUTRAL
from bot.render.feed_problems import describe_problem
from bot.render.fit_lines import fit_lines
from bot.render.limits import CONTENT, EMBED_DESCRIPTION, EMBED_TOTAL, URL, count_units
from bot.render.markdown import cut_text, fit_escaped, fit_link, neutralize_mentions
from bot.store.cards.rows import StoredCard
from bot.store.sources.feed_notices import FeedNotice

PREVIEW_CARDS = 3
_TITLE = 120
_ADDRESS = 500
_TOPICS = 200
_NAMES_SHOWN = 20

POLICIES = {
    FollowPolicy.REVIEW: tr_noop("review: a moderator decides on each card"),
    FollowPolicy.PUBLISH: tr_noop("publish: every card is published"),
    FollowPolicy.COVERED: tr_noop("covered: published when a second publisher has the story"),
    FollowPolicy.ARCHIVE: tr_noop("archive: searchable, never posted"),
}
"""The choices of a policy. What stands before the colon is the value."""
_POLICY_TEXTS = {
    FollowPolicy.REVIEW: tr_noop("a moderator decides on each card"),
    FollowPolicy.PUBLISH: tr_noop("every card is published"),
    FollowPolicy.COVERED: tr_noop("cards are published when a second publisher has the story"),
    FollowPolicy.ARCHIVE: tr_noop("cards can be searched but are never posted"),
}
_FEED_PROBLEMS = {
    "malformed": tr_noop("It has formatting errors; I read what I could."),
    "broken_off": tr_noop("It's cut off; I read the complete part."),
    "cut": tr_noop("It's longer than I read."),
    "repeated": tr_noop("Several of its items share an ID; I use one of them."),
    "empty_items": tr_noop("Items with no title, text or link are skipped."),
}


def describe_rate(weekly: float | None) -> str:
    """Word a result of `estimate_weekly_items`; empty if it is unknown."""
    if weekly is None:
        return ""
    if not weekly:
        return trn("nothing in the last {count} week", "nothing in the last {count} weeks", WEEKS)
    if weekly < 1:
        return tr("less than one a week")
    # Two digits: more would claim to know the weeks to come.
    unit = 10 ** max(len(str(round(weekly))) - 2, 0)
    return trn("about {count} a week", "about {count} a week", round(weekly / unit) * unit)


def describe_follow(follow: Follow) -> str:
    """Describe what a server wants of a feed, such as `every card is published · Space · quality 60`."""
    topics = fit_escaped(", ".join(follow.topics), _TOPICS)
    quality = tr("quality {quality}", quality=follow.quality) if follow.quality != DEFAULT_QUALITY else ""
    return SEPARATOR.join(filter(None, [tr(_POLICY_TEXTS[follow.policy]), topics, quality]))


def describe_state(followed: FollowedFeed) -> str:
    """Describe how a feed does, as a whole line: fine, moved, paused, or what its site answers."""
    feed, state = followed.feed, followed.feed.state
    if followed.follow.paused:
        return f"⏸️ {tr('paused')}"
    if feed.is_stopped:
        return f"⛔ {describe_problem(state.problem)} {tr('No longer checked.')}"
    if state.problem:
        return f"⚠️ {describe_problem(state.problem)}"
    if feed.fetched_at is None:
        return f"🕓 {tr('not checked yet')}"
    if state.moved_to:
        return f"✅ {tr('fine; the site is moving it to another address')}"
    return f"✅ {tr('fine; it has moved to another address')}" if feed.url != feed.key else f"✅ {tr('fine')}"


def render_notices(notices: Sequence[FeedNotice]) -> str:
    """Tell a server which of its feeds are in trouble, and which work again."""
    below = f"\n-# {tr('See the state of your feeds with `/feed list`.')}"
    return fit_lines(notices, _format_notice, CONTENT - count_units(below)) + below


def _format_notice(notice: FeedNotice, room: int) -> str:
    name = f"**{fit_escaped(notice.name, _TITLE)}**"
    if not notice.problem:
        line = f"✅ {tr('{feed} works again.', feed=name)}"
    elif notice.is_stopped:
        line = f"⛔ {name}: {describe_problem(notice.problem)} {tr('No longer checked.')}"
    else:
        line = f"⚠️ {name}: {describe_problem(notice.problem)}"
    return line if count_units(line) <= room else ""


def render_feed_list(feeds: Sequence[FollowedFeed], most: int) -> discord.Embed:
    """List the feeds of a server; `most` is how many it may follow."""
    text = fit_lines(feeds, _format_entry, EMBED_DESCRIPTION, separator="\n\n")
    text = text or tr("This server doesn't follow any feeds.")
    embed = discord.Embed(title=tr("Feeds"), description=text, colour=NEUTRAL)
    embed.set_footer(text=tr("{count} of {most} feeds", count=format_number(len(feeds)), most=format_number(most)))
    return embed


def render_feed(followed: FollowedFeed) -> discord.Embed:
    """Render one feed in full."""
    embed = discord.Embed(title=fit_escaped(followed.name, 256), colour=NEUTRAL)
    embed.description = _format_address(redact_url(followed.feed.url))
    embed.add_field(name=tr("Cards"), value=describe_follow(followed.follow), inline=False)
    embed.add_field(name=tr("State"), value=SEPARATOR.join(_state_parts(followed)), inline=False)
    return embed


def _format_entry(followed: FollowedFeed, room: int) -> str:
    """Return two lines: name and wishes; state, next look and cards of the week."""
    wishes = f"{SEPARATOR}{describe_follow(followed.follow)}"
    below = "\n" + SEPARATOR.join(_state_parts(followed))
    left = room - count_units(wishes) - count_units(below)
    site = followed.feed.site
    name = fit_link(followed.name, site, min(left, _TITLE + len(site))) if 0 < len(site) <= URL else ""
    name = name or fit_escaped(followed.name, min(left, _TITLE))
    return name + wishes + below if name else ""


def _state_parts(followed: FollowedFeed) -> list[str]:
    parts, due = [describe_state(followed)], followed.feed.state.next_fetch_at
    if due is not None and not followed.follow.paused:
        parts.append(tr("next check {when}", when=discord.utils.format_dt(due, "R")))
    parts.append(trn("{count} card this week", "{count} cards this week", followed.weekly_cards))
    return parts


@dataclass(frozen=True, slots=True)
class FeedPreview:
    """A feed before a server follows it. `cards` are its newest, `count` is the number of all of them."""

    title: str
    url: str
    cards: Sequence[StoredCard]
    count: int
    weekly: float | None
    follow: Follow
    problems: Sequence[str] = ()
    newest: int = 0
    """How many of its cards are published when it is followed."""


def render_preview(preview: FeedPreview, pictures: str | None) -> tuple[str, list[discord.Embed]]:
    """Render what following a feed would bring: a text, and the newest cards as they would be posted."""
    title = fit_escaped(preview.title or preview.url, _TITLE)
    lines = [
        SEPARATOR.join(filter(None, [f"**{title}**", describe_rate(preview.weekly)])),
        SEPARATOR.join([_format_address(preview.url), describe_follow(preview.follow)]),
        _describe_backlog(preview),
        *(f"-# {tr(_FEED_PROBLEMS[each])}" for each in preview.problems if each in _FEED_PROBLEMS),
    ]
    cards = preview.cards[:PREVIEW_CARDS]
    budget = EMBED_TOTAL // max(len(cards), 1)
    return cut_text("\n".join(lines), CONTENT), [render_card(card, pictures, budget=budget) for card in cards]


def _format_address(url: str) -> str:
    """Return an address as people may copy it; as code, since Discord shows the backslashes of an escaped one."""
    return f"`{cut_text(neutralize_mentions(url.replace('`', '%60')), _ADDRESS)}`"


def _describe_backlog(preview: FeedPreview) -> str:
    if not preview.count:
        return tr("It's empty so far.")
    if not preview.newest:
        return _describe_rest(preview.follow.policy, preview.count)
    count = min(preview.newest, preview.count)
    text = trn("Its newest card is published at once.", "Its newest {count} cards are published at once.", count)
    if rest := preview.count - count:
        text += f" {_describe_rest(preview.follow.policy, rest, others=True)}"
    return text


def _describe_rest(policy: FollowPolicy, count: int, *, others: bool = False) -> str:
    if policy is FollowPolicy.REVIEW and others:
        return trn("{count} other waits for a moderator.", "{count} others wait for a moderator.", count)
    if policy is FollowPolicy.REVIEW:
        return trn(
            "Its {count} current card waits for a moderator and isn't sent to any channel.",
            "Its {count} current cards wait for a moderator and aren't sent to any channel.",
            count,
        )
    if others:
        return trn(
            "{count} other can be searched but isn't posted.",
            "{count} others can be searched but aren't posted.",
            count,
        )
    return trn(
        "Its {count} current card can be searched but isn't posted.",
        "Its {count} current cards can be searched but aren't posted.",
        count,
    )


def describe_lookup_problem(problem: str, status: int | None) -> str:
    """Say why there is no feed at an address, with the site's status code if that says more."""
    if problem == "web_page":
        return tr("This page doesn't link to a feed. Look for a link called RSS, Atom or Feed on the site.")
    if problem == "feed_list":
        return tr("This is a list of feeds. Save it as a file and import it with `/feed import`.")
    text = describe_problem(problem)
    return f"{text} ({status})" if status and status >= 400 else text


def describe_check(
    title: str, count: int, newest: datetime | None, weekly: float | None, problems: Sequence[str]
) -> str:
    """Describe what a feed answered when it was looked at just now."""
    when = tr("newest {when}", when=discord.utils.format_dt(newest, "R")) if newest else ""
    items = trn("{count} item", "{count} items", count)
    first = SEPARATOR.join(filter(None, [f"✅ **{fit_escaped(title, _TITLE)}**", items, when, describe_rate(weekly)]))
    return "\n".join([first, *(tr(_FEED_PROBLEMS[each]) for each in problems if each in _FEED_PROBLEMS)])


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What importing a list would do. `new` are names; `known` feeds are followed already, `refused` are no feeds."""

    new: Sequence[str]
    known: int
    refused: int
    over_limit: int
    follow: Follow


def render_import_preview(preview: ImportPreview) -> discord.Embed:
    """Say what an import would do, before it does."""
    names = fit_lines(preview.new, lambda name, room: fit_escaped(name, min(room, _TITLE)), 2000, at_most=_NAMES_SHOWN)
    embed = discord.Embed(title=tr("Import of feeds"), description=names or None, colour=NEUTRAL)
    counts: Mapping[str, int] = {
        tr("New"): len(preview.new),
        tr("Already followed"): preview.known,
        tr("Not a web address"): preview.refused,
        tr("Over this server's limit"): preview.over_limit,
    }
    for name, count in counts.items():
        if count or name == tr("New"):
            embed.add_field(name=name, value=format_number(count))
    if preview.new:
        embed.add_field(name=tr("Cards"), value=describe_follow(preview.follow), inline=False)
    return embed
