"""What moderators do, and that nobody else can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord

from tests.support.stage import BotStage, newest, open_stage


async def _load_held(stage: BotStage, slug: str = "held", **fields: Any) -> None:
    await stage.load_cards(slug, **{"published": "false", "heat": "10", **fields})


async def test_the_queue_shows_held_cards_hottest_first_with_the_reason(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage, "mild", heat=20)
        await _load_held(stage, "covered", heat=-1)
        await _load_held(stage, "hot", heat=60)
        result = await stage.admin.slash(stage.news, "desk queue")
        assert [embed.title for embed in result.response.embeds] == [
            "Title of hot",
            "Title of mild",
            "Title of covered",
        ]
        assert "already covered by another card" in (result.response.embeds[2].description or "")


async def test_publishing_shows_the_card_here_and_nowhere_else(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        other = stage.env.create_guild("Other")
        elsewhere = other.create_text_channel("elsewhere")
        role = other.create_role("Admins", permissions=discord.Permissions(manage_channels=True))
        stranger: Any = other.add_member(stage.env.create_user("stranger"), roles=[role])
        await stranger.slash(elsewhere, "digest subscribe", channel=elsewhere)
        await _load_held(stage, publishedDateTime="2020-01-01T00:00:00Z")
        (choice,) = await stage.admin.autocomplete(stage.news, "desk publish", "card", "held")
        result = await stage.admin.slash(stage.news, "desk publish", card=choice["value"])
        await stage.bot.pipeline.plan_and_deliver()
        assert "is published" in result.response.content
        assert stage.list_titles() == ["Title of held"]
        assert stage.list_titles(elsewhere) == []
        assert (await stranger.slash(elsewhere, "latest")).response.embeds == []


async def test_withdrawing_takes_the_post_away_and_asks_why(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        shown = await stage.admin.slash(stage.news, "desk withdraw", card="one")
        assert shown.modal is not None
        field = shown.modal["components"][0]["component"]["custom_id"]
        result = await stage.admin.submit_modal(shown, {field: "a duplicate"})
        await stage.bot.pipeline.plan_and_deliver()
        assert "is withdrawn" in result.response.content
        assert stage.list_titles() == []


async def test_a_decision_survives_a_reload_and_a_take_down_beats_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await _load_held(stage)
        await stage.admin.slash(stage.news, "desk publish", card="held")
        await _load_held(stage, title="A new title", heat=12)
        assert stage.list_titles() == ["A new title"]
        await _load_held(stage, removed="true")
        assert stage.list_titles() == []
        again = await stage.admin.slash(stage.news, "desk publish", card="held")
        assert "binds every server" in again.response.content


async def test_whoever_comes_second_learns_who_was_faster(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await _load_held(stage)
        first = await stage.admin.slash(stage.news, "desk queue")
        second = await stage.admin.slash(stage.news, "desk queue")
        done = await stage.admin.click(first.response, label="Publish 1")
        assert done.response.content.startswith("✅ 1 card published.")
        late = await stage.admin.click(second.response, label="Withdraw 1")
        assert f"<@{stage.admin.id}> was faster" in newest(late).content


async def test_a_page_of_the_queue_is_decided_at_once_and_the_next_one_comes(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for place in range(7):
            stage.write_card(f"card-{place}", published="false", heat=str(10 + place), topics="[Space]")
        await stage.load_cards("other", published="false", heat="60")
        queue = await stage.admin.slash(stage.news, "desk queue", topic="space", since="30 days")
        assert "**7** cards wait" in queue.response.content
        done = await stage.admin.click(queue.response, label="Withdraw all 5")
        assert "5 cards withdrawn" in done.response.content
        assert [embed.title for embed in done.response.embeds] == ["Title of card-1", "Title of card-0"]
        last = await stage.admin.click(done.response, label="Publish all 2")
        assert "2 cards published" in last.response.content
        assert "Nothing waits with these filters" in last.response.content
        (left,) = (await stage.admin.slash(stage.news, "desk queue")).response.embeds
        assert left.title == "Title of other"


async def test_members_get_no_held_cards_suggested(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage)
        assert "desk publish" not in stage.member.available_commands(stage.news)


async def test_the_log_names_who_did_what_and_can_be_narrowed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage, "one")
        await stage.load_cards("two")
        await stage.admin.slash(stage.news, "desk publish", card="one", reason="worth it")
        await stage.admin.slash(stage.news, "desk withdraw", card="two", reason="a duplicate")
        await stage.admin.slash(stage.news, "desk undo", card="two")
        await stage.load_cards("two", published="false")
        log = await stage.admin.slash(stage.news, "desk log")
        lines = log.response.content.split("\n")
        assert [line for line in lines if "Title" in line] == [f"**Title of {n}**" for n in ("two", "two", "one")]
        assert "Decision taken back by" in lines[1]
        assert "a duplicate" in lines[3]
        assert "worth it" in lines[5]
        withdrawn = await stage.admin.slash(stage.news, "desk log", ended="withdrawn", by=stage.admin)
        assert withdrawn.response.content.count("**Title") == 1
        files = await stage.admin.slash(stage.news, "desk log", said="file")
        assert "Published → held by its file" in files.response.content
        nothing = await stage.admin.slash(stage.news, "desk log", by=stage.member)
        assert "Nothing like that" in nothing.response.content


async def test_a_withdrawal_that_is_undone_brings_the_post_back(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        done = await stage.admin.slash(stage.news, "desk withdraw", card="one", reason="")
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == []
        await stage.admin.click(done.response, label="Undo")
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == ["Title of one"]
        again = await stage.admin.slash(stage.news, "desk undo", card="one")
        await stage.bot.pipeline.plan_and_deliver()
        assert "is withdrawn in this server" in again.response.content
        assert stage.list_titles() == []


async def test_only_the_last_decision_can_be_undone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage)
        first = await stage.admin.slash(stage.news, "desk publish", card="held")
        await stage.admin.slash(stage.news, "desk withdraw", card="held", reason="")
        late = await stage.admin.click(first.response, label="Undo")
        assert "was faster: withdrawn" in late.response.content


async def test_owners_decide_everywhere_and_every_server_reads_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        other = stage.env.create_guild("Other")
        elsewhere = other.create_text_channel("elsewhere")
        rights = discord.Permissions(manage_channels=True, manage_messages=True)
        stranger: Any = other.add_member(
            stage.env.create_user("stranger"), roles=[other.create_role("Admins", permissions=rights)]
        )
        await stranger.slash(elsewhere, "digest subscribe", channel=elsewhere)
        await _load_held(stage)
        refused = await stage.admin.slash(stage.news, "desk publish", card="held", scope="everywhere")
        assert "Only the people who run this bot" in refused.response.content
        stage.bot.owner_id = stage.admin.id
        done = await stage.admin.slash(stage.news, "desk publish", card="held", scope="everywhere")
        assert "is published everywhere" in done.response.content
        await stage.bot.pipeline.plan_and_deliver()
        assert (stage.list_titles(), stage.list_titles(elsewhere)) == (["Title of held"], ["Title of held"])
        log = await stranger.slash(elsewhere, "desk log")
        assert "Published everywhere by the bot's owner" in log.response.content
        await stage.admin.slash(stage.news, "desk withdraw", card="held", reason="wrong", scope="everywhere")
        await stage.bot.pipeline.plan_and_deliver()
        assert (stage.list_titles(), stage.list_titles(elsewhere)) == ([], [])
        own = await stranger.slash(elsewhere, "desk publish", card="held")
        assert "The bot's owners withdrew this card everywhere" in own.response.content
        await stage.admin.slash(stage.news, "desk undo", card="held", scope="everywhere")
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles(elsewhere) == ["Title of held"]
        await _load_held(stage, removed="true")
        assert stage.list_titles(elsewhere) == []


async def test_an_owners_decision_is_written_into_the_file_where_that_is_wanted(tmp_path: Path) -> None:
    async with open_stage(tmp_path, write_back=True) as stage:
        stage.bot.owner_id = stage.admin.id
        await _load_held(stage)
        path = stage.folder / "held.md"
        before = path.read_bytes()
        done = await stage.admin.slash(stage.news, "desk publish", card="held")
        assert path.read_bytes() == before.replace(b"published: false", b"published: true")
        await stage.load_cards()
        undone = await stage.admin.click(done.response, label="Undo")
        assert "is as it was" in undone.response.content
        assert path.read_bytes() == before
        await stage.load_cards()
        changed = stage.write_card("held", published="false", heat="11")
        late = await stage.admin.slash(stage.news, "desk publish", card="held")
        assert "its file was not changed" in late.response.content
        assert "changed meanwhile" in late.response.content
        assert b"published: false" in changed.read_bytes()


async def test_nobody_elses_decision_reaches_the_files(tmp_path: Path) -> None:
    async with open_stage(tmp_path, write_back=True) as stage:
        stage.bot.owner_id = stage.member.id
        await _load_held(stage)
        before = (stage.folder / "held.md").read_bytes()
        await stage.admin.slash(stage.news, "desk publish", card="held")
        assert (stage.folder / "held.md").read_bytes() == before
