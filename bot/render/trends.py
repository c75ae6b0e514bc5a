"""Cards per day and their mean heat, as a chart and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.domain.trends import WEEK, DayCount, is_rising
from bot.i18n import format_number, format_short_date, tr, trn
from bot.render.card_list import RISING
from bot.render.chart import ChartLine, describe_counts, describe_heat, draw_bar_chart
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.levels import HEAT_WORDS
from bot.render.limits import EMBED_TITLE
from bot.render.markdown import fit_escaped


@dataclass(frozen=True, slots=True)
class TrendsChart:
    """A PNG and its alt text."""

    png: bytes
    alt: str


def draw_trends_chart(days: Sequence[DayCount]) -> TrendsChart:
    """Draw the cards of each day as bars, and their mean heat as a line. Takes about 50 ms."""
    counts, labels = [day.cards for day in days], [format_short_date(day.date) for day in days]
    heat = [day.heat for day in days]
    marks = [(level.value, tr(word)) for level, word in HEAT_WORDS.items()]
    png = draw_bar_chart(counts, labels, title=tr("Cards a day"), line=ChartLine(heat, tr("Mean heat"), marks))
    return TrendsChart(png, f"{describe_counts(counts, labels)} {describe_heat(heat, labels)}")


def render_trends(days: Sequence[DayCount], topic: str | None, image: str) -> discord.Embed:
    """Summarize the days in numbers, with the chart at the URL `image`."""
    title = fit_escaped(" ".join(topic.split()), EMBED_TITLE) or None if topic else tr("All topics")
    embed = discord.Embed(title=title, colour=topic_colour((topic,)) if topic else NEUTRAL)
    total = sum(day.cards for day in days)
    week = WEEK.days
    recent, before = (sum(day.cards for day in part) for part in (days[-week:], days[-2 * week : -week]))
    lines = [trn("**{count}** card in {days} days", "**{count}** cards in {days} days", total, days=len(days))]
    if len(days) >= 2 * week:
        compared = tr(
            "**{recent}** in the last {days} days, **{before}** in the {days} before",
            recent=format_number(recent),
            before=format_number(before),
            days=week,
        )
        lines.append(f"{compared} {RISING}" if is_rising(recent, before) else compared)
    embed.description = "\n".join(lines)
    embed.set_image(url=image)
    return embed
