"""Explain in words why a digest contains certain cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import discord

from bot.domain.digest_selection import MAX_PER_PROVIDER, SelectionOutcome, SelectionReason
from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card import SEPARATOR, format_headline
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines
from bot.render.limits import EMBED_DESCRIPTION, count_units
from bot.render.markdown import fit_escaped
from bot.store.cards.rows import StoredCard

_RULE = tr_noop(
    "Best first by heat and quality, which fade with age; one card a story, at most {most} a publisher, "
    "nothing that this channel has had."
)
_TITLE = 120


def render_reasons(selected: Sequence[tuple[StoredCard, SelectionReason | None]]) -> discord.Embed:
    """Render a digest's cards with the reasons for their rank."""
    rule = tr(_RULE, most=MAX_PER_PROVIDER)
    lines = fit_lines(list(enumerate(selected, 1)), _reason_line, EMBED_DESCRIPTION - count_units(rule) - 2)
    text = f"{lines or tr('Nothing new matched.')}\n\n{rule}"
    return discord.Embed(title=tr("Why these?"), description=text, colour=NEUTRAL)


def _reason_line(entry: tuple[int, tuple[StoredCard, SelectionReason | None]], room: int) -> str:
    place, (card, why) = entry
    behind = f"\n{format_score(why)}" if why else ""
    head = f"**{place}.** "
    title = fit_escaped(format_headline(card.card), min(_TITLE, room - count_units(behind) - count_units(head)))
    return f"{head}{title}{behind}" if title else ""


def format_score(why: SelectionReason) -> str:
    """Return `heat 140 · quality 90 · 3 h old`."""
    days = why.hours // 24
    age = trn("{count} day old", "{count} days old", days) if days > 1 else tr("{hours} h old", hours=why.hours)
    heat = tr("heat {heat}", heat=why.heat) if why.heat is not None else tr("no heat yet")
    quality = tr("quality {quality}", quality=why.quality) if why.quality is not None else tr("no score yet")
    return SEPARATOR.join((heat, quality, age))


_OUTCOME_TEXTS = {
    SelectionOutcome.SELECTED: tr_noop("It would be in the next digest."),
    SelectionOutcome.OTHER_TOPIC: tr_noop("It has none of the subscription's topics."),
    SelectionOutcome.EXCLUDED: tr_noop("It has a topic or a word that the subscription leaves out."),
    SelectionOutcome.PICKED_ELSEWHERE: tr_noop("A moderator picked other subscriptions for it."),
    SelectionOutcome.LOW_QUALITY: tr_noop("Its quality is below the subscription's minimum."),
    SelectionOutcome.NOT_NEW: tr_noop("It was out before the last digest."),
    SelectionOutcome.CARD_DELIVERED: tr_noop("The channel has had it."),
    SelectionOutcome.STORY_DELIVERED: tr_noop("The channel has had another card of the same story."),
    SelectionOutcome.STORY_SELECTED: tr_noop("A better card of the same story is in the digest."),
    SelectionOutcome.PROVIDER_LIMIT: tr_noop("{most} better cards of the same publisher are in the digest."),
    SelectionOutcome.OUTRANKED: tr_noop("Better cards fill the digest."),
}


def outcome_text(outcome: SelectionOutcome) -> str:
    """Describe the outcome for one card in a sentence."""
    return tr(_OUTCOME_TEXTS[outcome], most=MAX_PER_PROVIDER)


def outcomes_line(outcomes: Mapping[int, SelectionOutcome]) -> str:
    """Summarize the outcomes: `34 cards: 8 chosen, 20 of other topics …`."""
    counts = Counter(outcomes.values())
    named = [
        tr(words, count=format_number(counts[outcome]), most=MAX_PER_PROVIDER)
        for outcome, words in _OUTCOME_COUNTS.items()
        if counts[outcome]
    ]
    if not named:
        return tr("No card has come in since the last digest.")
    return tr("{total} looked at: {fates}", total=format_number(len(outcomes)), fates=", ".join(named))


_POSTED = (SelectionOutcome.SELECTED, SelectionOutcome.OUTRANKED, SelectionOutcome.PROVIDER_LIMIT)
"""Outcomes that an instant subscription posts: it has no limit on the number of cards."""


def matches_line(outcomes: Mapping[int, SelectionOutcome], days: int) -> str:
    """Describe how many cards of the last days an instant subscription would have posted."""
    posted = sum(outcome in _POSTED for outcome in outcomes.values())
    if not posted:
        return tr("No card of the last {days} days matches.", days=days)
    return trn(
        "{count} card of the last {days} days would have come.",
        "{count} cards of the last {days} days would have come.",
        posted,
        days=days,
    )


_OUTCOME_COUNTS = {
    SelectionOutcome.SELECTED: tr_noop("{count} chosen"),
    SelectionOutcome.OUTRANKED: tr_noop("{count} beaten by better ones"),
    SelectionOutcome.PROVIDER_LIMIT: tr_noop("{count} behind {most} of the same publisher"),
    SelectionOutcome.STORY_SELECTED: tr_noop("{count} of a story already in it"),
    SelectionOutcome.OTHER_TOPIC: tr_noop("{count} of other topics"),
    SelectionOutcome.LOW_QUALITY: tr_noop("{count} below the minimum quality"),
    SelectionOutcome.EXCLUDED: tr_noop("{count} left out by their words"),
    SelectionOutcome.PICKED_ELSEWHERE: tr_noop("{count} picked for other subscriptions"),
    SelectionOutcome.CARD_DELIVERED: tr_noop("{count} already here"),
    SelectionOutcome.STORY_DELIVERED: tr_noop("{count} of a story already here"),
    SelectionOutcome.NOT_NEW: tr_noop("{count} out before the last digest"),
}


def arrival_text(at: datetime, why: SelectionReason | None) -> str:
    """Describe when the channel got a card and why."""
    when = discord.utils.format_dt(at, "R")
    if why is None:
        return tr("The channel got it {when}, as it appeared.", when=when)
    text = tr_noop("The channel got it {when}: number {place} of its digest ({points}).")
    return tr(text, when=when, place=why.rank, points=format_score(why))
