"""What members do with what is their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.stage import OptionRefusedError, button_ids, open_stage


async def test_a_member_gets_everything_that_is_stored_about_them(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        (post,) = stage.list_posts()
        await stage.member.click(post, label="Save")
        own = json.loads(stage.file_of(await stage.member.slash(stage.news, "privacy export")))
        assert [row["card"] for row in own["saved"]] == ["one"]
        assert own["subscriptions_created"] == []
        result = await stage.admin.slash(stage.news, "privacy export")
        assert result.ephemeral
        theirs = json.loads(stage.file_of(result))
        assert theirs["saved"] == []
        assert [row["channel_id"] for row in theirs["subscriptions_created"]] == [stage.news.id]
        assert "stay" in theirs["what_stays"]


async def test_erasing_says_what_goes_and_asks_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        await stage.bot.store.members.saved_cards.save_card(stage.member.id, 1, stage.clock())
        await stage.bot.store.members.saved_cards.save_card(stage.admin.id, 1, stage.clock())
        requests = await stage.member.slash(stage.news, "privacy erase")
        assert requests.ephemeral
        assert "1 saved card" in requests.response.content
        assert (await stage.bot.store.members.privacy.count_owned(stage.member.id))["saved"] == 1
        await stage.restart_bot()
        done = await stage.member.click(requests.response, label="Erase it")
        assert "Erased: 1 saved card" in done.response.content
        assert button_ids(done.response) == {}
        assert not any((await stage.bot.store.members.privacy.count_owned(stage.member.id)).values())
        assert (await stage.bot.store.members.privacy.count_owned(stage.admin.id))["saved"] == 1
        again = await stage.member.slash(stage.news, "privacy erase")
        assert "Nothing is stored" in again.response.content


async def test_a_report_that_is_erased_counts_no_longer(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        shown = await stage.member.slash(stage.news, "latest")
        more = await stage.member.click(shown.response, custom_id="nd:more:1")
        form = await stage.member.click(more.response, custom_id="nd:flag:1")
        field = form.modal["components"][0]["component"]["custom_id"]
        await stage.member.submit_modal(form, {field: "dead link"})
        requests = await stage.member.slash(stage.news, "privacy erase")
        assert "1 report about a card" in requests.response.content
        await stage.member.click(requests.response, label="Erase it")
        assert await stage.bot.store.moderation.reports.list_open(stage.guild.id, [1]) == {}


async def test_saved_cards_come_as_a_file_all_at_once(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards(*(f"card{number}" for number in range(7)))
        await stage.load_cards("gone", "formula", title="=1+1")
        for number in range(1, 10):
            await stage.bot.store.members.saved_cards.save_card(stage.member.id, number, stage.clock())
        await stage.load_cards("gone", removed="true")
        markdown = await stage.member.slash(stage.news, "saved export")
        assert markdown.ephemeral
        assert "1 saved card can't be shown" in markdown.response.content
        assert stage.file_of(markdown).count("\n- [") == 8
        table = await stage.member.slash(stage.news, "saved export", form="csv")
        assert table.response.attachments[0].filename == "saved-cards.csv"
        assert "\r\n'=1+1," in stage.file_of(table)
        others = await stage.admin.slash(stage.news, "saved export")
        assert "You haven't saved any cards yet" in others.response.content


async def test_a_file_of_saved_cards_has_at_most_a_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ui.privacy.MAX_SAVED_CARDS", 2)
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two", "three")
        for number in (1, 2, 3):
            await stage.bot.store.members.saved_cards.save_card(stage.member.id, number, stage.clock())
        result = await stage.member.slash(stage.news, "saved export")
        assert "the newest 2 of your 3 saved cards" in result.response.content
        assert stage.file_of(result).count("\n- [") == 2


async def test_a_file_that_discord_would_refuse_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ui.privacy._LARGEST", 10)
    async with open_stage(tmp_path) as stage:
        result = await stage.member.slash(stage.news, "privacy export")
        assert "too large for Discord" in result.response.content
        assert result.response.attachments == []


async def test_a_form_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        with pytest.raises(OptionRefusedError):
            await stage.member.slash(stage.news, "saved export", form="pdf")


def reply_titles(result: Any) -> list[str | None]:
    return [embed.title for embed in result.response.embeds]


async def test_catching_up_begins_where_the_member_last_read(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("before")
        await stage.member.slash(stage.news, "latest")
        stage.clock.advance(hours=1)
        await stage.load_cards("weak", heat=10, quality=10)
        await stage.load_cards("strong", heat=500)
        await stage.member.slash(stage.news, "trends")  # numbers, not cards
        shown = await stage.member.slash(stage.news, "catchup")
        assert shown.ephemeral
        assert reply_titles(shown) == ["Title of strong", "Title of weak"]
        assert "2 stories since" in shown.response.content
        again = await stage.member.slash(stage.news, "catchup")
        assert "You haven't missed anything" in again.response.content
        anyway = await stage.member.click(again.response, label="Show the last 7 days anyway")
        assert reply_titles(anyway) == ["Title of strong", "Title of before", "Title of weak"]
        assert "You haven't missed anything" not in (await stage.admin.slash(stage.news, "catchup")).response.content


async def test_who_never_read_here_catches_up_with_the_last_week(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("early")
        stage.clock.advance(days=7)
        await stage.load_cards("late", publishedDateTime="2026-06-07T10:00:00Z")
        assert reply_titles(await stage.member.slash(stage.news, "catchup")) == ["Title of late"]


async def test_servers_are_caught_up_with_one_by_one_and_held_cards_are_in_none(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("held", published="false")
        await stage.load_cards("one")
        assert reply_titles(await stage.member.slash(stage.news, "catchup")) == ["Title of one"]
        other = stage.env.create_guild("Other")
        hall = other.create_text_channel("hall")
        there = other.add_member(stage.member.user)
        assert reply_titles(await there.slash(hall, "catchup")) == ["Title of one"]


async def test_a_list_to_catch_up_with_stays_the_same_while_its_pages_turn(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(12):
            stage.write_card(f"card{number}", heat=100 + number)
        await stage.load_cards()
        first = await stage.member.slash(stage.news, "catchup")
        assert "12 stories" in first.response.content
        assert "the best 10" in first.response.content
        await stage.load_cards("late", heat=900)
        await stage.restart_bot()
        second = await stage.member.click(first.response, label="More →")
        assert reply_titles(second) == [f"Title of card{n}" for n in (6, 5, 4, 3, 2)]
        assert "← Back" in button_ids(second.response)
        assert "More →" not in button_ids(second.response)
        await stage.load_cards("card6", removed="true")
        third = await stage.member.click(second.response, label="← Back")
        assert len(reply_titles(third)) == 5


async def test_a_time_of_reading_is_erased_with_the_rest(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        await stage.member.slash(stage.news, "latest")
        requests = await stage.member.slash(stage.news, "privacy erase")
        assert "the time you last read in 1 server" in requests.response.content
        await stage.member.click(requests.response, label="Erase it")
        assert reply_titles(await stage.member.slash(stage.news, "catchup")) == ["Title of one"]
