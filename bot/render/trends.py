"""Cards per day and their mean heat, as a chart and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.desk.trend import WEEK, Day, rises
from bot.language import number, short_day, tr, trn
from bot.render.chart import Line, alt_text, bars, heat_text
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.limits import EMBED_TITLE
from bot.render.lists import RISING
from bot.render.markdown import fitted


@dataclass(frozen=True, slots=True)
class Chart:
    """A PNG and its alt text."""

    png: bytes
    alt: str


def trends_chart(days: Sequence[Day]) -> Chart:
    """Draw the cards of each day as bars, and their mean heat as a line. Takes about 50 ms."""
    counts, labels = [day.cards for day in days], [short_day(day.date) for day in days]
    heat = [day.heat for day in days]
    png = bars(counts, labels, title=tr("Cards a day"), line=Line(heat, tr("Mean heat")))
    return Chart(png, f"{alt_text(counts, labels)} {heat_text(heat, labels)}")


def trends_embed(days: Sequence[Day], topic: str | None, image: str) -> discord.Embed:
    """Summarize the days in numbers, with the chart at the URL `image`."""
    title = fitted(" ".join(topic.split()), EMBED_TITLE) or None if topic else tr("All topics")
    embed = discord.Embed(title=title, colour=topic_colour((topic,)) if topic else NEUTRAL)
    total = sum(day.cards for day in days)
    week = WEEK.days
    recent, before = (sum(day.cards for day in part) for part in (days[-week:], days[-2 * week : -week]))
    lines = [trn("**{count}** card in {days} days", "**{count}** cards in {days} days", total, days=len(days))]
    if len(days) >= 2 * week:
        compared = tr(
            "**{recent}** in the last {days} days, **{before}** in the {days} before",
            recent=number(recent),
            before=number(before),
            days=week,
        )
        lines.append(f"{compared} {RISING}" if rises(recent, before) else compared)
    embed.description = "\n".join(lines)
    embed.set_image(url=image)
    return embed
