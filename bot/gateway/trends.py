"""The reply to /trends: a chart by day in the guild's time zone."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import discord

from bot.desk.trend import by_day, first_moment
from bot.errors import UserError
from bot.gateway.rights import guild_id
from bot.language import trn
from bot.render.markdown import escaped
from bot.render.trends import trends_chart, trends_embed

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

CHART = "trends.png"


async def trends_reply(interaction: discord.Interaction[NewsBot], topic: str | None, days: int) -> dict[str, Any]:
    """Return the number and mean heat of cards over the last `days` days. Raises `UserError` if there are none."""
    bot, server = interaction.client, guild_id(interaction)
    now, zone = bot.clock(), ZoneInfo(await bot.store.subscriptions.timezone(server) or "UTC")
    spans = await bot.store.trends.spans(server, topic, first_moment(now, zone, days), now)
    if not spans:
        raise UserError(_nothing(topic, days))
    counted = by_day(spans, now, zone, days)
    chart = await asyncio.to_thread(trends_chart, counted)
    file = discord.File(io.BytesIO(chart.png), CHART, description=chart.alt)
    return {"embed": trends_embed(counted, topic, f"attachment://{CHART}"), "file": file}


def _nothing(topic: str | None, days: int) -> str:
    if not topic:
        return trn(
            "There is nothing in the last {count} day. `/topics` shows what there is.",
            "There is nothing in the last {count} days. `/topics` shows what there is.",
            days,
        )
    return trn(
        "There is nothing about **{topic}** in the last {count} day. `/topics` shows what there is.",
        "There is nothing about **{topic}** in the last {count} days. `/topics` shows what there is.",
        days,
        topic=escaped(topic),
    )
