"""*Find this card*: from somebody's message to the cards of its links."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.ui.magazine import build_magazine
from tests.support.stage import BotStage, open_stage

MENU = "Find this card"


async def _find_cards(stage: BotStage, text: str) -> Any:
    message = await stage.admin.send(stage.news, text)
    return await stage.member.context_menu(stage.news, MENU, message)


def _reply_titles(result: Any) -> list[str | None]:
    return [embed.title for embed in result.response.embeds]


async def test_a_link_in_another_form_finds_the_card_only_for_the_asker(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two")
        result = await _find_cards(stage, "Look: **[here](http://www.example.org/one/?utm_source=mail#top)**!")
        assert _reply_titles(result) == ["Title of one"]
        assert result.ephemeral


async def test_links_in_embeds_are_found_as_well(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number, slug in enumerate(("one", "two", "three")):
            await stage.load_cards(slug, publishedDateTime=f"2026-06-01T0{9 - number}:00:00Z")
        channel = stage.bot.get_channel(stage.news.id)
        assert isinstance(channel, discord.TextChannel)
        embed = discord.Embed(url="https://example.org/one", title="x", description="[y](https://example.org/two)")
        embed.add_field(name="z", value="<https://example.org/three>")
        message = await channel.send(embed=embed)
        result = await stage.member.context_menu(stage.news, MENU, message)
        assert _reply_titles(result) == ["Title of one", "Title of two", "Title of three"]


async def test_the_links_of_a_magazine_are_found_as_well(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two")
        channel = stage.bot.get_channel(stage.news.id)
        assert isinstance(channel, discord.TextChannel)
        cards = (await stage.bot.store.cards.list_latest(stage.guild.id, limit=2)).cards
        message = await channel.send(view=build_magazine(cards, 5, None, text="Head"))
        result = await stage.member.context_menu(stage.news, MENU, message)
        assert sorted(map(str, _reply_titles(result))) == ["Title of one", "Title of two"]


async def test_a_card_that_the_server_does_not_see_is_not_found(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("held", published="false", heat="10")
        result = await _find_cards(stage, "https://example.org/held https://example.org/nowhere")
        assert not result.response.embeds
        assert "No card here has any of the 2 links" in result.response.content


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no link at all", "has no links"),
        ("https://127.0.0.1/one javascript:alert(1) https://a:b@example.org/one", "has no links"),
        ("https://elsewhere.example/@everyone", "No card here has that link"),
        ("https://" + "x" * 1900, "has no links"),
        ("https://example.org/' OR 1=1 --", "No card here has that link"),
        (")](https://" * 150, "has no links"),
    ],
)
async def test_what_leads_to_no_card_is_said_in_words(tmp_path: Path, text: str, words: str) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        result = await _find_cards(stage, text)
        assert words in result.response.content
        assert "everyone" not in result.response.content


async def test_only_the_first_ten_links_are_looked_up(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two")
        others = " ".join(f"https://example.org/other{number}" for number in range(9))
        result = await _find_cards(stage, f"{others} https://example.org/one https://example.org/two")
        assert _reply_titles(result) == ["Title of one"]


async def test_what_was_found_can_be_shown_to_everyone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        result = await _find_cards(stage, "https://example.org/one")
        await stage.member.click(result.response, label="Show to everyone")
        assert stage.list_titles() == ["Title of one"]
