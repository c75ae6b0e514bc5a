"""Explain in words why a digest contains certain cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import discord

from bot.domain.digest_selection import MIN_PROVIDER_LIMIT, SelectionOutcome, SelectionReason
from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card import SEPARATOR, format_headline
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines
from bot.render.levels import scale_text
from bot.render.limits import EMBED_DESCRIPTION, count_units
from bot.render.markdown import fit_escaped
from bot.store.cards.rows import StoredCard

_RULE = tr_noop(
    "The hottest and best cards come first; older ones count less. One card per story, at most {most} per publisher "
    "(more if there are few publishers), and nothing that was posted here before."
)
_TITLE = 120


def render_reasons(selected: Sequence[tuple[StoredCard, SelectionReason | None]]) -> discord.Embed:
    """Render a digest's cards with the reasons for their rank."""
    rule = f"{tr(_RULE, most=MIN_PROVIDER_LIMIT)}\n-# {scale_text()}"
    lines = fit_lines(list(enumerate(selected, 1)), _reason_line, EMBED_DESCRIPTION - count_units(rule) - 2)
    text = f"{lines or tr('Nothing new matched.')}\n\n{rule}"
    return discord.Embed(title=tr("Why these?"), description=text, colour=NEUTRAL)


def _reason_line(entry: tuple[int, tuple[StoredCard, SelectionReason | None]], room: int) -> str:
    place, (card, why) = entry
    behind = f"\n-# {format_score(why)}" if why else ""
    head = f"**{place}.** "
    title = fit_escaped(format_headline(card.card), min(_TITLE, room - count_units(behind) - count_units(head)))
    return f"{head}{title}{behind}" if title else ""


def format_score(why: SelectionReason) -> str:
    """Return `heat 140 · quality 90 · 3 h old`."""
    days = why.hours // 24
    age = trn("{count} day old", "{count} days old", days) if days > 1 else tr("{hours} h old", hours=why.hours)
    if not why.hours:
        age = tr("new")
    heat = tr("heat {heat}", heat=why.heat) if why.heat is not None else tr("no heat yet")
    quality = tr("quality {quality}", quality=why.quality) if why.quality is not None else tr("not rated yet")
    return SEPARATOR.join((heat, quality, age))


_OUTCOME_TEXTS = {
    SelectionOutcome.SELECTED: tr_noop("It would be in the next digest."),
    SelectionOutcome.OTHER_TOPIC: tr_noop("None of its topics match the subscription."),
    SelectionOutcome.OTHER_PROVIDER: tr_noop("The subscription doesn't ask for its publisher."),
    SelectionOutcome.OTHER_WORDS: tr_noop("It has none of the words that the subscription asks for."),
    SelectionOutcome.EXCLUDED: tr_noop("It has a topic or word that the subscription excludes."),
    SelectionOutcome.PICKED_ELSEWHERE: tr_noop("A moderator published it only in other subscriptions."),
    SelectionOutcome.LOW_QUALITY: tr_noop("Its quality is below the subscription's minimum."),
    SelectionOutcome.NOT_NEW: tr_noop("It came out before the last digest."),
    SelectionOutcome.CARD_DELIVERED: tr_noop("The channel already got it."),
    SelectionOutcome.STORY_DELIVERED: tr_noop("The channel already got another card about the same story."),
    SelectionOutcome.STORY_SELECTED: tr_noop("The digest has a better card about the same story."),
    SelectionOutcome.PROVIDER_LIMIT: tr_noop("Better cards from the same publisher filled its share of the digest."),
    SelectionOutcome.OUTRANKED: tr_noop("Better cards filled the digest."),
}


def outcome_text(outcome: SelectionOutcome) -> str:
    """Describe the outcome for one card in a sentence."""
    return tr(_OUTCOME_TEXTS[outcome])


def outcomes_line(outcomes: Mapping[int, SelectionOutcome]) -> str:
    """Summarize the outcomes: `34 considered: 8 picked, 20 about other topics …`; empty if there are none."""
    counts = Counter(outcomes.values())
    named = [
        tr(words, count=format_number(counts[outcome])) for outcome, words in _OUTCOME_COUNTS.items() if counts[outcome]
    ]
    if not named:
        return ""
    return tr("{total} considered: {fates}", total=format_number(len(outcomes)), fates=", ".join(named))


_POSTED = (SelectionOutcome.SELECTED, SelectionOutcome.OUTRANKED, SelectionOutcome.PROVIDER_LIMIT)
"""Outcomes that an instant subscription posts: it has no limit on the number of cards."""


def matches_line(outcomes: Mapping[int, SelectionOutcome], days: int) -> str:
    """Describe how many cards of the last days an instant subscription would have posted."""
    posted = sum(outcome in _POSTED for outcome in outcomes.values())
    if not posted:
        return tr("No cards from the last {days} days match.", days=days)
    return trn(
        "{count} card from the last {days} days would have been posted.",
        "{count} cards from the last {days} days would have been posted.",
        posted,
        days=days,
    )


_OUTCOME_COUNTS = {
    SelectionOutcome.SELECTED: tr_noop("{count} picked"),
    SelectionOutcome.OUTRANKED: tr_noop("{count} ranked lower"),
    SelectionOutcome.PROVIDER_LIMIT: tr_noop("{count} over their publisher's share"),
    SelectionOutcome.STORY_SELECTED: tr_noop("{count} about a story already in it"),
    SelectionOutcome.OTHER_TOPIC: tr_noop("{count} about other topics"),
    SelectionOutcome.OTHER_PROVIDER: tr_noop("{count} from other publishers"),
    SelectionOutcome.OTHER_WORDS: tr_noop("{count} without the words"),
    SelectionOutcome.LOW_QUALITY: tr_noop("{count} below the minimum quality"),
    SelectionOutcome.EXCLUDED: tr_noop("{count} with excluded words"),
    SelectionOutcome.PICKED_ELSEWHERE: tr_noop("{count} published only elsewhere"),
    SelectionOutcome.CARD_DELIVERED: tr_noop("{count} already posted here"),
    SelectionOutcome.STORY_DELIVERED: tr_noop("{count} about a story already posted here"),
    SelectionOutcome.NOT_NEW: tr_noop("{count} older than the last digest"),
}


def arrival_text(at: datetime, why: SelectionReason | None) -> str:
    """Describe when the channel got a card and why."""
    when = discord.utils.format_dt(at, "R")
    if why is None:
        return tr("Posted here {when}, as it came in.", when=when)
    text = tr_noop("Posted here {when}, as number {place} of its digest ({points}).")
    return f"{tr(text, when=when, place=why.rank, points=format_score(why))}\n-# {scale_text()}"
