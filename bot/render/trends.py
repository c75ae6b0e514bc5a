"""How many cards came on which day, and how hot they were: in a picture, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.desk.trend import WEEK, Day, rises
from bot.render.chart import Line, alt_text, bars, line_text
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.limits import EMBED_TITLE
from bot.render.lists import RISING
from bot.render.markdown import fitted

_HEAT = "mean heat"


@dataclass(frozen=True, slots=True)
class Chart:
    """A PNG, and what it shows for those who do not see it."""

    png: bytes
    alt: str


def trends_chart(days: Sequence[Day]) -> Chart:
    """The cards of each day as bars, with a line of their mean heat. Takes some 50 ms."""
    counts, labels = [day.cards for day in days], [f"{day.date:%-d %b}" for day in days]
    heat = [day.heat for day in days]
    png = bars(counts, labels, title="Cards a day", line=Line(heat, _HEAT.capitalize()))
    return Chart(png, f"{alt_text(counts, labels)} {line_text(heat, labels, _HEAT)}")


def trends_embed(days: Sequence[Day], topic: str | None, image: str) -> discord.Embed:
    """The days in numbers, with the chart at the address `image`."""
    title = fitted(" ".join(topic.split()), EMBED_TITLE) or None if topic else "All topics"
    embed = discord.Embed(title=title, colour=topic_colour((topic,)) if topic else NEUTRAL)
    total = sum(day.cards for day in days)
    week = WEEK.days
    recent, before = (sum(day.cards for day in part) for part in (days[-week:], days[-2 * week : -week]))
    lines = [f"**{total:,}** {'card' if total == 1 else 'cards'} in {len(days)} days"]
    if len(days) >= 2 * week:
        rising = f" {RISING}" if rises(recent, before) else ""
        lines.append(f"**{recent:,}** in the last {week} days, **{before:,}** in the {week} before{rising}")
    embed.description = "\n".join(lines)
    embed.set_image(url=image)
    return embed
