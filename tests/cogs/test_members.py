"""What members do with what is their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.stage import OptionRefusedError, buttons, on_stage


async def test_a_member_gets_everything_that_is_stored_about_them(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        await stage.load("one")
        (post,) = stage.posts()
        await stage.member.click(post, label="Save")
        mine = json.loads(stage.file_of(await stage.member.slash(stage.news, "privacy export")))
        assert [row["card"] for row in mine["saved"]] == ["one"]
        assert mine["subscriptions_created"] == []
        result = await stage.admin.slash(stage.news, "privacy export")
        assert result.ephemeral
        theirs = json.loads(stage.file_of(result))
        assert theirs["saved"] == []
        assert [row["channel_id"] for row in theirs["subscriptions_created"]] == [stage.news.id]
        assert "stay" in theirs["what_stays"]


async def test_erasing_says_what_goes_and_asks_first(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one")
        await stage.bot.store.saved.save(stage.member.id, 1, stage.clock())
        await stage.bot.store.saved.save(stage.admin.id, 1, stage.clock())
        asked = await stage.member.slash(stage.news, "privacy erase")
        assert asked.ephemeral
        assert "1 saved card" in asked.response.content
        assert (await stage.bot.store.members.owned(stage.member.id))["saved"] == 1
        await stage.restart()
        done = await stage.member.click(asked.response, label="Erase it")
        assert "Erased: 1 saved card" in done.response.content
        assert buttons(done.response) == {}
        assert not any((await stage.bot.store.members.owned(stage.member.id)).values())
        assert (await stage.bot.store.members.owned(stage.admin.id))["saved"] == 1
        again = await stage.member.slash(stage.news, "privacy erase")
        assert "Nothing is stored" in again.response.content


async def test_a_report_that_is_erased_counts_no_longer(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one")
        shown = await stage.member.slash(stage.news, "latest")
        form = await stage.member.click(shown.response, custom_id="nd:flag:1")
        field = form.modal["components"][0]["component"]["custom_id"]
        await stage.member.submit_modal(form, {field: "dead link"})
        asked = await stage.member.slash(stage.news, "privacy erase")
        assert "1 report about a card" in asked.response.content
        await stage.member.click(asked.response, label="Erase it")
        assert await stage.bot.store.flags.open(stage.guild.id, 1) == []


async def test_saved_cards_come_as_a_file_all_at_once(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load(*(f"card{number}" for number in range(7)))
        await stage.load("gone", "formula", title="=1+1")
        for number in range(1, 10):
            await stage.bot.store.saved.save(stage.member.id, number, stage.clock())
        await stage.load("gone", removed="true")
        markdown = await stage.member.slash(stage.news, "saved export")
        assert markdown.ephemeral
        assert "1 card that you saved cannot be shown" in markdown.response.content
        assert stage.file_of(markdown).count("\n- [") == 8
        table = await stage.member.slash(stage.news, "saved export", form="csv")
        assert table.response.attachments[0].filename == "saved-cards.csv"
        assert "\r\n'=1+1," in stage.file_of(table)
        others = await stage.admin.slash(stage.news, "saved export")
        assert "You have not saved any card yet" in others.response.content


async def test_a_file_of_saved_cards_has_at_most_a_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.gateway.members.MOST", 2)
    async with on_stage(tmp_path) as stage:
        await stage.load("one", "two", "three")
        for number in (1, 2, 3):
            await stage.bot.store.saved.save(stage.member.id, number, stage.clock())
        result = await stage.member.slash(stage.news, "saved export")
        assert "the newest 2 of your 3 saved cards" in result.response.content
        assert stage.file_of(result).count("\n- [") == 2


async def test_a_file_that_discord_would_refuse_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.gateway.members._LARGEST", 10)
    async with on_stage(tmp_path) as stage:
        result = await stage.member.slash(stage.news, "privacy export")
        assert "more than Discord takes" in result.response.content
        assert result.response.attachments == []


async def test_a_form_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        with pytest.raises(OptionRefusedError):
            await stage.member.slash(stage.news, "saved export", form="pdf")
