"""Why a digest brought these cards and not others, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import discord

from bot.desk.digest import PER_PROVIDER, Fate, Why
from bot.render.card import SEPARATOR, headline
from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, units
from bot.render.listing import listed
from bot.render.markdown import fitted
from bot.store.records import FiledCard

_RULE = (
    f"Best first by heat and quality, which fade with age; one card a story, at most {PER_PROVIDER} a publisher, "
    "nothing that this channel has had."
)
_TITLE = 120


def whys_embed(chosen: Sequence[tuple[FiledCard, Why | None]]) -> discord.Embed:
    """A digest's cards with what brought each its place."""
    lines = listed(list(enumerate(chosen, 1)), _line, EMBED_DESCRIPTION - len(_RULE) - 2)
    text = f"{lines}\n\n{_RULE}" if lines else f"Nothing new matched.\n\n{_RULE}"
    return discord.Embed(title="Why these?", description=text, colour=NEUTRAL)


def _line(entry: tuple[int, tuple[FiledCard, Why | None]], room: int) -> str:
    number, (card, why) = entry
    behind = f"\n{points(why)}" if why else ""
    head = f"**{number}.** "
    title = fitted(headline(card.card), min(_TITLE, room - units(behind) - units(head)))
    return f"{head}{title}{behind}" if title else ""


def points(why: Why) -> str:
    """`heat 140 · quality 90 · 3 h old`."""
    age = f"{why.hours} h" if why.hours < 48 else f"{why.hours // 24} days"
    heat = f"heat {why.heat}" if why.heat is not None else "no heat yet"
    quality = f"quality {why.quality}" if why.quality is not None else "no score yet"
    return SEPARATOR.join((heat, quality, f"{age} old"))


_FATES = {
    Fate.CHOSEN: "It would be in the next digest.",
    Fate.OTHER_TOPIC: "It has none of the subscription's topics.",
    Fate.LEFT_OUT: "It has a topic or a word that the subscription leaves out.",
    Fate.ELSEWHERE: "A moderator picked other subscriptions for it.",
    Fate.WEAK: "Its quality is below the subscription's minimum.",
    Fate.OLD: "It was out before the last digest.",
    Fate.HAD: "The channel has had it.",
    Fate.STORY_HAD: "The channel has had another card of the same story.",
    Fate.STORY_TOLD: "A better card of the same story is in the digest.",
    Fate.PROVIDER_FULL: f"{PER_PROVIDER} better cards of the same publisher are in the digest.",
    Fate.BEATEN: "Better cards fill the digest.",
}


def fate_words(fate: Fate) -> str:
    """What became of one card, as a sentence."""
    return _FATES[fate]


def fates_line(fates: Mapping[int, Fate]) -> str:
    """How many cards were looked at and what became of them: `34 cards: 8 chosen, 20 of other topics …`."""
    counts = Counter(fates.values())
    named = [f"{counts[fate]:,} {words}" for fate, words in _COUNTED.items() if counts[fate]]
    return f"{len(fates):,} looked at: {', '.join(named)}" if named else "No card has come in since the last digest."


_POSTED = (Fate.CHOSEN, Fate.BEATEN, Fate.PROVIDER_FULL)
"""What an instant subscription posts: it knows no crowd."""


def matches_line(fates: Mapping[int, Fate], days: int) -> str:
    """How many cards of the last days an instant subscription would have posted."""
    posted = sum(fate in _POSTED for fate in fates.values())
    if not posted:
        return f"No card of the last {days} days matches."
    return f"{posted:,} card{'' if posted == 1 else 's'} of the last {days} days would have come."


_COUNTED = {
    Fate.CHOSEN: "chosen",
    Fate.BEATEN: "beaten by better ones",
    Fate.PROVIDER_FULL: f"behind {PER_PROVIDER} of the same publisher",
    Fate.STORY_TOLD: "of a story already in it",
    Fate.OTHER_TOPIC: "of other topics",
    Fate.WEAK: "below the minimum quality",
    Fate.LEFT_OUT: "left out by their words",
    Fate.ELSEWHERE: "picked for other subscriptions",
    Fate.HAD: "already here",
    Fate.STORY_HAD: "of a story already here",
    Fate.OLD: "out before the last digest",
}


def arrived_words(at: datetime, why: Why | None) -> str:
    """When the channel got a card and why."""
    when = f"The channel got it {discord.utils.format_dt(at, 'R')}"
    return f"{when}: number {why.place} of its digest ({points(why)})." if why else f"{when}, as it appeared."
