"""The reply to /trends: a chart by day in the guild's time zone."""

from __future__ import annotations

import asyncio
import io
from typing import Any
from zoneinfo import ZoneInfo

import discord

from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.domain.trends import count_by_day, first_day_start
from bot.errors import UserError
from bot.i18n import trn
from bot.render.markdown import escape_markdown
from bot.render.trends import draw_trends_chart, render_trends

CHART = "trends.png"


async def build_trends_reply(interaction: Interaction, topic: str | None, days: int) -> dict[str, Any]:
    """Return the number and mean heat of cards over the last `days` days. Raises `UserError` if there are none."""
    bot, guild_id = interaction.client, guild_id_of(interaction)
    now, zone = bot.clock(), ZoneInfo(await bot.store.subscriptions.guild_settings.get_timezone(guild_id) or "UTC")
    spans = await bot.store.cards.trends.count_spans(guild_id, topic, first_day_start(now, zone, days), now)
    if not spans:
        raise UserError(_nothing_text(topic, days))
    counted = count_by_day(spans, now, zone, days)
    # Drawing takes tens of milliseconds, in which the gateway must not wait.
    chart = await asyncio.to_thread(draw_trends_chart, counted)
    file = discord.File(io.BytesIO(chart.png), CHART, description=chart.alt)
    return {"embed": render_trends(counted, topic, f"attachment://{CHART}"), "file": file}


def _nothing_text(topic: str | None, days: int) -> str:
    if not topic:
        return trn(
            "Nothing in the last {count} day. See all topics with `/topics`.",
            "Nothing in the last {count} days. See all topics with `/topics`.",
            days,
        )
    return trn(
        "Nothing about **{topic}** in the last {count} day. See all topics with `/topics`.",
        "Nothing about **{topic}** in the last {count} days. See all topics with `/topics`.",
        days,
        topic=escape_markdown(topic),
    )
