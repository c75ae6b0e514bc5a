"""What one person found, shown to everyone; and more from a card's topic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.gateway.sharing import MOST, ShareButton
from bot.render.limits import CUSTOM_ID
from tests.support.stage import Stage, buttons, on_stage

SHOW = "Show to everyone"


async def _seven(stage: Stage) -> None:
    for number in range(7):
        stage.write(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
    await stage.load()


def _rows(message: Any) -> list[int]:
    return [len(row["components"] if isinstance(row, dict) else row.children) for row in message.components]


def _titles(message: Any) -> list[str | None]:
    return [embed.title for embed in message.embeds]


async def test_the_page_that_was_seen_is_posted_once_also_after_a_restart(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await _seven(stage)
        found = await stage.member.slash(stage.news, "search", query="title")
        await stage.restart()
        await stage.load("late", publishedDateTime="2026-06-01T11:00:00Z")
        shown = await stage.member.click(found.response, label=SHOW)
        (post,) = stage.posts()
        assert _titles(post) == [f"Title of card{number}" for number in (6, 5, 4, 3, 2)]
        assert post.content == f"-# <@{stage.member.id}> shows this"
        assert not {SHOW, "More →"} & set(buttons(post))
        assert SHOW not in buttons(shown.response)
        turned = await stage.member.click(shown.response, label="More →")
        assert [embed.title for embed in turned.response.embeds] == ["Title of card1", "Title of card0"]
        assert SHOW not in buttons(turned.response)


async def test_it_calls_nobody(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one", title="'@everyone'")
        found = await stage.member.slash(stage.news, "latest")
        await stage.member.click(found.response, label=SHOW)
        said: list[Any] = [request.json for request in stage.env.http_requests if "shows this" in str(request.json)]
        assert [each["allowed_mentions"]["parse"] for each in said] == [[]]


async def test_a_second_click_that_was_under_way_posts_nothing(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one")
        found = await stage.member.slash(stage.news, "latest")
        stage.bot.shown.append(int(found.response.id))
        again = await stage.member.click(found.response, label=SHOW)
        assert "already" in again.followups[0].content if again.followups else "already" in again.response.content
        assert stage.posts() == []


async def test_a_turned_page_can_be_shown_in_place_of_the_first(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await _seven(stage)
        found = await stage.member.slash(stage.news, "latest")
        turned = await stage.member.click(found.response, label="More →")
        await stage.member.click(turned.response, label=SHOW)
        (post,) = stage.posts()
        assert _titles(post) == ["Title of card1", "Title of card0"]


async def test_what_was_withdrawn_since_is_not_shown(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one", "two")
        found = await stage.member.slash(stage.news, "latest")
        await stage.load("one", removed="true")
        await stage.member.click(found.response, label=SHOW)
        assert stage.titles() == ["Title of two"]


@pytest.mark.parametrize(("right", "words"), [("send_messages", "Send Messages"), ("embed_links", "Embed Links")])
async def test_who_may_not_post_here_is_refused_in_words(tmp_path: Path, right: str, words: str) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one")
        denied = {stage.guild.default_role: discord.PermissionOverwrite(**{right: False})}
        quiet = stage.guild.create_text_channel("quiet", overwrites=denied)
        found = await stage.member.slash(quiet, "card", card="card:1")
        refused = await stage.member.click(found.response, label=SHOW)
        told = "\n".join(str(each.content) for each in (refused.response, *refused.followups) if each)
        assert f"You need **{words}** in this channel" in told
        assert stage.posts(quiet) == []


async def test_a_direct_message_has_no_everyone(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one")
        found = await stage.member.user.slash("latest")
        assert SHOW not in buttons(found.response)


async def test_ten_cards_fill_the_five_rows(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        for number in range(12):
            stage.write(f"card{number}")
        await stage.load()
        found = await stage.member.slash(stage.news, "latest", count=10)
        assert _rows(found.response) == [5, 5, 5, 5, 2]


async def test_a_card_with_everything_has_one_row_and_the_button_below(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one", related="[{title: Elsewhere, webUrl: 'https://example.com/e'}]")
        found = await stage.member.slash(stage.news, "card", card="card:1")
        assert _rows(found.response) == [5, 1]


def test_ten_of_the_longest_ids_fit_into_a_custom_id() -> None:
    button = ShareButton([2**28 - 1] * MOST)
    assert len(button.item.custom_id or "") <= CUSTOM_ID
    match = button.template.fullmatch(button.item.custom_id or "")
    assert match
    assert ShareButton.carrying(match).card_ids == button.card_ids


async def test_more_from_this_topic_lists_the_first_topic_only_to_the_asker(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        await stage.load("one", topics="[Space, Python]")
        await stage.load("two", topics="[Space]")
        await stage.load("three", topics="[Python]")
        await stage.restart()
        more = await stage.member.click(stage.posts()[0], label="More from this topic")
        assert more.ephemeral
        assert {embed.title for embed in more.response.embeds} == {"Title of one", "Title of two"}


async def test_a_card_without_topics_has_no_button_for_them(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one", topics="[]")
        found = await stage.member.slash(stage.news, "latest")
        assert "More from this topic" not in buttons(found.response)
