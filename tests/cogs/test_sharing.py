"""What one person found, shown to everyone; and more from a card's topic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.render.limits import CUSTOM_ID
from bot.ui.share_button import MAX_SHARED_CARDS, ShareButton
from tests.support.stage import BotStage, button_ids, open_stage

SHOW = "Show to everyone"


async def _load_seven(stage: BotStage) -> None:
    for number in range(7):
        stage.write_card(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
    await stage.load_cards()


def _button_rows(message: Any) -> list[int]:
    return [len(row["components"] if isinstance(row, dict) else row.children) for row in message.components]


def _embed_titles(message: Any) -> list[str | None]:
    return [embed.title for embed in message.embeds]


async def test_the_page_that_was_seen_is_posted_once_also_after_a_restart(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_seven(stage)
        found = await stage.member.slash(stage.news, "search", query="title")
        await stage.restart_bot()
        await stage.load_cards("late", publishedDateTime="2026-06-01T11:00:00Z")
        shown = await stage.member.click(found.response, label=SHOW)
        (post,) = stage.list_posts()
        assert _embed_titles(post) == [f"Title of card{number}" for number in (6, 5, 4, 3, 2)]
        assert post.content == f"-# shared by <@{stage.member.id}>"
        assert not {SHOW, "More →"} & set(button_ids(post))
        assert SHOW not in button_ids(shown.response)
        turned = await stage.member.click(shown.response, label="More →")
        assert [embed.title for embed in turned.response.embeds] == ["Title of card1", "Title of card0"]
        assert SHOW not in button_ids(turned.response)


async def test_it_calls_nobody(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", title="'@everyone'")
        found = await stage.member.slash(stage.news, "latest")
        await stage.member.click(found.response, label=SHOW)
        text: list[Any] = [request.json for request in stage.env.http_requests if "shared by" in str(request.json)]
        assert [each["allowed_mentions"]["parse"] for each in text] == [[]]


async def test_a_second_click_that_was_under_way_posts_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        found = await stage.member.slash(stage.news, "latest")
        stage.bot.shared_messages.append(int(found.response.id))
        again = await stage.member.click(found.response, label=SHOW)
        assert "already" in again.followups[0].content if again.followups else "already" in again.response.content
        assert stage.list_posts() == []


async def test_a_turned_page_can_be_shown_in_place_of_the_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_seven(stage)
        found = await stage.member.slash(stage.news, "latest")
        turned = await stage.member.click(found.response, label="More →")
        await stage.member.click(turned.response, label=SHOW)
        (post,) = stage.list_posts()
        assert _embed_titles(post) == ["Title of card1", "Title of card0"]


async def test_what_was_withdrawn_since_is_not_shown(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two")
        found = await stage.member.slash(stage.news, "latest")
        await stage.load_cards("one", removed="true")
        await stage.member.click(found.response, label=SHOW)
        assert stage.list_titles() == ["Title of two"]


@pytest.mark.parametrize(("right", "words"), [("send_messages", "Send Messages"), ("embed_links", "Embed Links")])
async def test_who_may_not_post_here_is_refused_in_words(tmp_path: Path, right: str, words: str) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        denied = {stage.guild.default_role: discord.PermissionOverwrite(**{right: False})}
        quiet = stage.guild.create_text_channel("quiet", overwrites=denied)
        found = await stage.member.slash(quiet, "card", card="card:1")
        refused = await stage.member.click(found.response, label=SHOW)
        reply = "\n".join(str(each.content) for each in (refused.response, *refused.followups) if each)
        assert f"You need **{words}** in this channel" in reply
        assert stage.list_posts(quiet) == []


async def test_a_direct_message_has_no_everyone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        found = await stage.member.user.slash("latest")
        assert SHOW not in button_ids(found.response)


async def test_ten_cards_have_a_select_and_a_row_of_buttons(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(12):
            stage.write_card(f"card{number}")
        await stage.load_cards()
        found = await stage.member.slash(stage.news, "latest", count=10)
        assert _button_rows(found.response) == [1, 2]


async def test_a_card_with_everything_has_one_row_and_the_button_below(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", related="[{title: Elsewhere, webUrl: 'https://example.com/e'}]")
        found = await stage.member.slash(stage.news, "card", card="card:1")
        assert _button_rows(found.response) == [3, 1]


def test_ten_of_the_longest_ids_fit_into_a_custom_id() -> None:
    button = ShareButton([2**28 - 1] * MAX_SHARED_CARDS)
    assert len(button.item.custom_id or "") <= CUSTOM_ID
    match = button.template.fullmatch(button.item.custom_id or "")
    assert match
    assert ShareButton.from_match(match).card_ids == button.card_ids


async def test_more_from_this_topic_lists_the_first_topic_only_to_the_asker(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one", topics="[Space, Python]")
        await stage.load_cards("two", topics="[Space]")
        await stage.load_cards("three", topics="[Python]")
        await stage.restart_bot()
        offered = await stage.member.click(stage.list_posts()[0], label="More…")
        more = await stage.member.click(offered.response, label="More about Space")
        assert more.ephemeral
        assert {embed.title for embed in more.response.embeds} == {"Title of one", "Title of two"}


async def test_a_card_without_topics_has_no_button_for_them(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", topics="[]")
        found = await stage.member.slash(stage.news, "latest")
        offered = await stage.member.click(found.response, label="More…")
        assert list(button_ids(offered.response)) == ["Report"]


async def test_a_topic_of_one_card_has_nothing_more(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", topics="[Space]")
        found = await stage.member.slash(stage.news, "latest")
        offered = await stage.member.click(found.response, label="More…")
        more = await stage.member.click(offered.response, label="More about Space")
        assert more.response.content == "Nothing else about **Space** yet."
