"""The chart of the days, as a member asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import simcord

from tests.support.stage import BotStage, open_stage


async def _load_archive(stage: BotStage) -> None:
    await stage.load_cards("a", "b", topics="[Space]", heat=100)
    await stage.load_cards("c", publishedDateTime="2026-05-25T10:00:00Z")
    await stage.load_cards("held", topics="[Space]", published="false", heat=10)


async def test_the_chart_comes_with_numbers_and_words(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_archive(stage)
        result = await stage.member.slash(stage.news, "trends")
        assert result.ephemeral
        (embed,), (file,) = result.response.embeds, result.response.attachments
        assert (embed.title or "", embed.description or "") == (
            "All topics",
            "**3** cards in 30 days\n**2** in the last 7 days, **1** in the 7 before",
        )
        assert file.filename == "trends.png"
        assert "3 in all, at most 2 on 1 Jun" in (file.description or "")
        assert "highest on 1 Jun (hot)" in (file.description or "")


async def test_one_topic_and_fewer_days(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_archive(stage)
        result = await stage.member.slash(stage.news, "trends", topic="Space", days=7)
        assert result.response.embeds[0].description == "**2** cards in 7 days"


async def test_days_are_those_of_the_servers_zone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.bot.store.subscriptions.guild_settings.set_timezone(stage.guild.id, "Pacific/Auckland")
        await stage.load_cards("late", publishedDateTime="2026-05-31T13:00:00Z")  # the first of June there
        result = await stage.member.slash(stage.news, "trends", days=7)
        assert "on 1 Jun" in (result.response.attachments[0].description or "")


@pytest.mark.parametrize("topic", ["Unheard", "**@everyone**", "' OR 1=1", "\u202e"])
async def test_nothing_to_show_is_said_in_words(tmp_path: Path, topic: str) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_archive(stage)
        result = await stage.member.slash(stage.news, "trends", topic=topic)
        words = "\n".join(str(each.content) for each in (result.response, *result.followups) if each)
        assert "Nothing about" in words
        assert "@everyone" not in words


@pytest.mark.parametrize("days", [6, 91])
async def test_only_a_week_to_ninety_days(tmp_path: Path, days: int) -> None:
    async with open_stage(tmp_path) as stage:
        with pytest.raises(simcord.OptionError):
            await stage.member.slash(stage.news, "trends", days=days)


async def test_a_direct_message_counts_what_everybody_sees(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_archive(stage)
        result = await stage.member.user.slash("trends")
        assert "**3** cards" in (result.response.embeds[0].description or "")
