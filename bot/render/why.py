"""Explain in words why a digest contains certain cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import discord

from bot.desk.digest import PER_PROVIDER, Fate, Why
from bot.language import marked, number, tr, trn
from bot.render.card import SEPARATOR, headline
from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, units
from bot.render.listing import listed
from bot.render.markdown import fitted
from bot.store.records import FiledCard

_RULE = marked(
    "Best first by heat and quality, which fade with age; one card a story, at most {most} a publisher, "
    "nothing that this channel has had."
)
_TITLE = 120


def whys_embed(chosen: Sequence[tuple[FiledCard, Why | None]]) -> discord.Embed:
    """Render a digest's cards with the reasons for their rank."""
    rule = tr(_RULE, most=PER_PROVIDER)
    lines = listed(list(enumerate(chosen, 1)), _line, EMBED_DESCRIPTION - units(rule) - 2)
    text = f"{lines or tr('Nothing new matched.')}\n\n{rule}"
    return discord.Embed(title=tr("Why these?"), description=text, colour=NEUTRAL)


def _line(entry: tuple[int, tuple[FiledCard, Why | None]], room: int) -> str:
    place, (card, why) = entry
    behind = f"\n{points(why)}" if why else ""
    head = f"**{place}.** "
    title = fitted(headline(card.card), min(_TITLE, room - units(behind) - units(head)))
    return f"{head}{title}{behind}" if title else ""


def points(why: Why) -> str:
    """Return `heat 140 · quality 90 · 3 h old`."""
    days = why.hours // 24
    age = trn("{count} day old", "{count} days old", days) if days > 1 else tr("{hours} h old", hours=why.hours)
    heat = tr("heat {heat}", heat=why.heat) if why.heat is not None else tr("no heat yet")
    quality = tr("quality {quality}", quality=why.quality) if why.quality is not None else tr("no score yet")
    return SEPARATOR.join((heat, quality, age))


_FATES = {
    Fate.CHOSEN: marked("It would be in the next digest."),
    Fate.OTHER_TOPIC: marked("It has none of the subscription's topics."),
    Fate.LEFT_OUT: marked("It has a topic or a word that the subscription leaves out."),
    Fate.ELSEWHERE: marked("A moderator picked other subscriptions for it."),
    Fate.WEAK: marked("Its quality is below the subscription's minimum."),
    Fate.OLD: marked("It was out before the last digest."),
    Fate.HAD: marked("The channel has had it."),
    Fate.STORY_HAD: marked("The channel has had another card of the same story."),
    Fate.STORY_TOLD: marked("A better card of the same story is in the digest."),
    Fate.PROVIDER_FULL: marked("{most} better cards of the same publisher are in the digest."),
    Fate.BEATEN: marked("Better cards fill the digest."),
}


def fate_words(fate: Fate) -> str:
    """Describe the outcome for one card in a sentence."""
    return tr(_FATES[fate], most=PER_PROVIDER)


def fates_line(fates: Mapping[int, Fate]) -> str:
    """Summarize the outcomes: `34 cards: 8 chosen, 20 of other topics …`."""
    counts = Counter(fates.values())
    named = [
        tr(words, count=number(counts[fate]), most=PER_PROVIDER) for fate, words in _COUNTED.items() if counts[fate]
    ]
    if not named:
        return tr("No card has come in since the last digest.")
    return tr("{total} looked at: {fates}", total=number(len(fates)), fates=", ".join(named))


_POSTED = (Fate.CHOSEN, Fate.BEATEN, Fate.PROVIDER_FULL)
"""Outcomes that an instant subscription posts: it has no limit on the number of cards."""


def matches_line(fates: Mapping[int, Fate], days: int) -> str:
    """Describe how many cards of the last days an instant subscription would have posted."""
    posted = sum(fate in _POSTED for fate in fates.values())
    if not posted:
        return tr("No card of the last {days} days matches.", days=days)
    return trn(
        "{count} card of the last {days} days would have come.",
        "{count} cards of the last {days} days would have come.",
        posted,
        days=days,
    )


_COUNTED = {
    Fate.CHOSEN: marked("{count} chosen"),
    Fate.BEATEN: marked("{count} beaten by better ones"),
    Fate.PROVIDER_FULL: marked("{count} behind {most} of the same publisher"),
    Fate.STORY_TOLD: marked("{count} of a story already in it"),
    Fate.OTHER_TOPIC: marked("{count} of other topics"),
    Fate.WEAK: marked("{count} below the minimum quality"),
    Fate.LEFT_OUT: marked("{count} left out by their words"),
    Fate.ELSEWHERE: marked("{count} picked for other subscriptions"),
    Fate.HAD: marked("{count} already here"),
    Fate.STORY_HAD: marked("{count} of a story already here"),
    Fate.OLD: marked("{count} out before the last digest"),
}


def arrived_words(at: datetime, why: Why | None) -> str:
    """Describe when the channel got a card and why."""
    when = discord.utils.format_dt(at, "R")
    if why is None:
        return tr("The channel got it {when}, as it appeared.", when=when)
    text = marked("The channel got it {when}: number {place} of its digest ({points}).")
    return tr(text, when=when, place=why.place, points=points(why))
