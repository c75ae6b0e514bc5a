"""What moderators do, and that nobody else can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.cards.model import CardState
from bot.store.moderation.reports import Report
from tests.support.stage import BotStage, button_ids, newest, open_stage


async def _load_held(stage: BotStage, *slugs: str, **fields: Any) -> None:
    await stage.load_cards(*(slugs or ("held",)), **{"published": "false", "heat": "10", **fields})


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
        assert "another card covers this story" in (result.response.embeds[2].description or "")


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
        assert "Published **" in result.response.content
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
        assert "Withdrew **" in result.response.content
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
        assert "for every server" in again.response.content


async def test_whoever_comes_second_learns_who_was_faster(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await _load_held(stage)
        first = await stage.admin.slash(stage.news, "desk queue")
        second = await stage.admin.slash(stage.news, "desk queue")
        done = await stage.admin.click(first.response, label="Publish")
        assert done.response.content.startswith("✅ 1 card published.")
        late = await stage.admin.click(second.response, label="Withdraw")
        assert f"<@{stage.admin.id}> was faster" in newest(late).content


def _get_select(message: Any) -> Any:
    return message.components[0]["components"][0]


async def _choose(stage: BotStage, message: Any, *numbers: int) -> Any:
    """Choose cards of the queue by their numbers on the page."""
    select = _get_select(message)
    values = [select["options"][number - 1]["value"] for number in numbers]
    return (await stage.admin.select(message, values=values, custom_id=select["custom_id"])).response


@pytest.mark.slow
async def test_a_page_of_the_queue_is_decided_at_once_and_the_next_one_comes(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for place in range(7):
            stage.write_card(f"card-{place}", published="false", heat=str(10 + place), topics="[Space]")
        await stage.load_cards("other", published="false", heat="60")
        queue = await stage.admin.slash(stage.news, "desk queue", topic="space", since="30 days")
        assert "**7** cards are waiting" in queue.response.content
        asked = await stage.admin.click(queue.response, label="Withdraw all 5")
        assert "Withdraw 5 cards?" in asked.response.content
        await stage.restart_bot()
        done = await stage.admin.click(asked.response, label="Withdraw 5")
        assert "5 cards withdrawn" in done.response.content
        assert [embed.title for embed in done.response.embeds] == ["Title of card-1", "Title of card-0"]
        asked = await stage.admin.click(done.response, label="Publish all 2")
        last = await stage.admin.click(asked.response, label="Publish 2")
        assert "2 cards published" in last.response.content
        assert "No cards in the queue match" in last.response.content
        (left,) = (await stage.admin.slash(stage.news, "desk queue")).response.embeds
        assert left.title == "Title of other"


@pytest.mark.slow
async def test_the_queues_buttons_follow_what_is_chosen(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for place in range(6):
            await stage.send_card(f"card-{place}", state=CardState.HELD, quality=90 - place)
        page = (await stage.admin.slash(stage.news, "desk queue")).response
        select = _get_select(page)
        assert select["options"][0]["label"] == "1. Title of card-0"
        assert list(button_ids(page)) == ["None", "Publish all 5", "Withdraw all 5", "More →"]
        page = await _choose(stage, page, 2)
        assert list(button_ids(page)) == ["None", "Publish", "Withdraw", "Edit…", "More →"]
        page = await _choose(stage, page, 2, 4)
        assert list(button_ids(page)) == ["None", "Publish 2", "Withdraw 2", "More →"]
        assert [option.get("default", False) for option in _get_select(page)["options"]] == [
            False,
            True,
            False,
            True,
            False,
        ]
        page = await _choose(stage, page)
        assert list(button_ids(page)) == ["None", "Publish all 5", "Withdraw all 5", "More →"]
        page = await _choose(stage, page, 2, 4)
        asked = await stage.admin.click(page, label="Publish 2")
        assert "No subscription here matches them." in asked.response.content
        back = await stage.admin.click(asked.response, label="Cancel")
        assert len(back.response.embeds) == 5
        asked = await stage.admin.click(await _choose(stage, back.response, 2, 4), label="Publish 2")
        done = await stage.admin.click(asked.response, label="Publish 2")
        assert "2 cards published" in done.response.content
        titles = {f"Title of card-{place}" for place in (0, 2, 4, 5)}
        assert {embed.title for embed in done.response.embeds} == titles


@pytest.mark.slow
async def test_several_decisions_say_where_they_go_and_are_undone_together(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.subscribe_channel(stage.digest, topics="Space")
        await _load_held(stage, "one", "two", "three")
        queue = await stage.admin.slash(stage.news, "desk queue")
        asked = await stage.admin.click(queue.response, label="Publish all 3")
        assert f"**Publish 3 cards?** They go to <#{stage.news.id}>." in asked.response.content
        assert stage.list_titles() == []
        done = await stage.admin.click(asked.response, label="Publish 3")
        await stage.bot.pipeline.plan_and_deliver()
        assert len(stage.list_titles()) == 3
        await stage.admin.slash(stage.news, "desk withdraw", card="two", reason="")
        undone = await stage.admin.click(done.response, label="Undo")
        await stage.bot.pipeline.plan_and_deliver()
        assert "Undone for 2 cards." in undone.response.content
        assert f"**Title of two**: <@{stage.admin.id}> was faster: withdrawn" in undone.response.content
        assert stage.list_titles() == []
        redone = await stage.admin.click(undone.response, label="Redo")
        await stage.bot.pipeline.plan_and_deliver()
        assert "Redone for 2 cards." in redone.response.content
        assert set(stage.list_titles()) == {"Title of one", "Title of three"}
        assert "Undo" in button_ids(redone.response)


async def test_one_moderators_conflict_stops_no_other_card(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage, "one", "two")
        queue = await stage.admin.slash(stage.news, "desk queue")
        asked = await stage.admin.click(queue.response, label="Withdraw all 2")
        await stage.admin.slash(stage.news, "desk publish", card="one")
        done = await stage.admin.click(asked.response, label="Withdraw 2")
        assert done.response.content.startswith("🚫 1 card withdrawn.")
        assert "**Title of one**: " in done.response.content
        assert "was faster: published" in done.response.content


async def test_a_second_moderator_who_confirms_late_changes_nothing_and_sees_what_is_left(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage, "one", "two")
        first, second = [await stage.admin.slash(stage.news, "desk queue") for _ in range(2)]
        asked = [
            (await stage.admin.click(first.response, label="Publish all 2"), "Publish 2"),
            (await stage.admin.click(second.response, label="Withdraw all 2"), "Withdraw 2"),
        ]
        done, late = [await stage.admin.click(question.response, label=label) for question, label in asked]
        assert "2 cards published." in done.response.content
        assert late.response.content.count("was faster: published") == 2
        assert "The queue is empty" in late.response.content


async def test_reported_cards_are_kept_or_withdrawn_and_their_reasons_are_read(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one", "two")
        for card_id, reason in ((1, "The *link* is dead"), (2, "Seen before")):
            stage.clock.advance(seconds=1)
            report = Report(stage.member.id, reason, stage.clock())
            await stage.bot.store.moderation.reports.add_report(stage.guild.id, card_id, report)
        stage.clock.advance(seconds=1)
        page = (await stage.admin.slash(stage.news, "desk queue")).response
        described = [embed.description or "" for embed in page.embeds]
        assert "“Seen before”" in described[0]
        assert r"“The \*link\* is dead”" in described[1]
        assert "Keep all 2" in button_ids(page)
        page = await _choose(stage, page, 1)
        assert "Keep" in button_ids(page)
        other = (await stage.admin.slash(stage.news, "desk queue")).response
        asked = await stage.admin.click(other, label="Withdraw all 2")
        assert "2 posts are removed or updated." in asked.response.content
        page = await _choose(stage, page)
        asked = await stage.admin.click(page, label="Keep all 2")
        assert "**Keep 2 cards?** They stay published" in asked.response.content
        done = await stage.admin.click(asked.response, label="Keep 2")
        assert "2 cards kept" in done.response.content
        assert "The queue is empty" in done.response.content
        await stage.bot.pipeline.plan_and_deliver()
        assert len(stage.list_titles()) == 2


async def test_a_command_that_undid_something_offers_to_redo_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        await stage.admin.slash(stage.news, "desk withdraw", card="one", reason="")
        undone = await stage.admin.slash(stage.news, "desk undo", card="one")
        assert undone.response.content.startswith("Undone: ")
        assert list(button_ids(undone.response)) == ["Redo"]
        redone = await stage.admin.click(undone.response, label="Redo")
        assert redone.response.content.startswith("Withdrew **Title of one**")
        assert list(button_ids(redone.response)) == ["Undo"]


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
        entries = log.response.content.split("\n\n")
        lines = [line for entry in entries for line in entry.split("\n")]
        assert [entry.split("\n")[0] for entry in entries] == [f"**Title of {n}**" for n in ("two", "two", "one")]
        assert "Decision undone by" in lines[1]
        assert "a duplicate" in lines[3]
        assert "worth it" in lines[5]
        withdrawn = await stage.admin.slash(stage.news, "desk log", ended="withdrawn", by=stage.admin)
        assert withdrawn.response.content.count("**Title") == 1
        files = await stage.admin.slash(stage.news, "desk log", said="file")
        assert "Published → held by its file" in files.response.content
        nothing = await stage.admin.slash(stage.news, "desk log", by=stage.member)
        assert "No such decisions" in nothing.response.content


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
        assert "in this server. Its posts are being removed" in again.response.content
        assert stage.list_titles() == []


async def test_only_the_last_decision_can_be_undone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _load_held(stage)
        first = await stage.admin.slash(stage.news, "desk publish", card="held")
        await stage.admin.slash(stage.news, "desk withdraw", card="held", reason="")
        late = await stage.admin.click(first.response, label="Undo")
        assert "was faster: withdrawn" in late.response.content


@pytest.mark.slow
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
        assert "Only this bot's owners" in refused.response.content
        stage.bot.owner_id = stage.admin.id
        done = await stage.admin.slash(stage.news, "desk publish", card="held", scope="everywhere")
        assert "everywhere. It will be posted" in done.response.content
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


@pytest.mark.slow
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
        assert "the card's file wasn't changed" in late.response.content
        assert "changed in the meantime" in late.response.content
        assert b"published: false" in changed.read_bytes()


async def test_nobody_elses_decision_reaches_the_files(tmp_path: Path) -> None:
    async with open_stage(tmp_path, write_back=True) as stage:
        stage.bot.owner_id = stage.member.id
        await _load_held(stage)
        before = (stage.folder / "held.md").read_bytes()
        await stage.admin.slash(stage.news, "desk publish", card="held")
        assert (stage.folder / "held.md").read_bytes() == before
