"""What moderators do, and that nobody else can."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import discord

from tests.support.stage import Stage, buttons, on_stage


async def _held(stage: Stage, slug: str = "held", **fields: Any) -> None:
    await stage.load(slug, **{"published": "false", "heat": "10", **fields})


async def test_the_queue_shows_held_cards_hottest_first_with_the_reason(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await _held(stage, "mild", heat=20)
        await _held(stage, "covered", heat=-1)
        await _held(stage, "hot", heat=60)
        result = await stage.admin.slash(stage.news, "desk queue")
        assert [embed.title for embed in result.response.embeds] == [
            "Title of hot",
            "Title of mild",
            "Title of covered",
        ]
        assert "already covered by another card" in (result.response.embeds[2].description or "")


async def test_publishing_shows_the_card_here_and_nowhere_else(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        other = stage.env.create_guild("Other")
        elsewhere = other.create_text_channel("elsewhere")
        role = other.create_role("Admins", permissions=discord.Permissions(manage_channels=True))
        stranger: Any = other.add_member(stage.env.create_user("stranger"), roles=[role])
        await stranger.slash(elsewhere, "digest subscribe", channel=elsewhere)
        await _held(stage, publishedDateTime="2020-01-01T00:00:00Z")
        (choice,) = await stage.admin.autocomplete(stage.news, "desk publish", "card", "held")
        result = await stage.admin.slash(stage.news, "desk publish", card=choice["value"])
        await stage.bot.newsroom.tick()
        assert "is published" in result.response.content
        assert stage.titles() == ["Title of held"]
        assert stage.titles(elsewhere) == []
        assert (await stranger.slash(elsewhere, "latest")).response.embeds == []


async def test_withdrawing_takes_the_post_away_and_asks_why(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        await stage.load("one")
        shown = await stage.admin.slash(stage.news, "desk withdraw", card="one")
        assert shown.modal is not None
        field = shown.modal["components"][0]["component"]["custom_id"]
        result = await stage.admin.submit_modal(shown, {field: "a duplicate"})
        await stage.bot.newsroom.tick()
        assert "is withdrawn" in result.response.content
        assert stage.titles() == []


async def test_a_decision_survives_a_reload_and_a_take_down_beats_it(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        await _held(stage)
        await stage.admin.slash(stage.news, "desk publish", card="held")
        await _held(stage, title="A new title", heat=12)
        assert stage.titles() == ["A new title"]
        await _held(stage, removed="true")
        assert stage.titles() == []
        again = await stage.admin.slash(stage.news, "desk publish", card="held")
        assert "binds every server" in again.response.content


async def test_of_many_clicks_at_once_one_decides_and_the_others_learn_who(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        await _held(stage)
        queue = await stage.admin.slash(stage.news, "desk queue")
        first = await stage.admin.click(queue.response, label="Publish 1")
        second = await stage.admin.click(queue.response, label="Withdraw 1")
        assert "is published" in first.response.content
        assert f"<@{stage.admin.id}> was faster" in second.response.content


async def test_a_member_cannot_use_a_moderators_button(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await _held(stage)
        queue = await stage.admin.slash(stage.news, "desk queue")
        custom_id = buttons(queue.response)["Publish 1"]
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Forged", custom_id=custom_id))
        channel = stage.bot.get_channel(stage.news.id)
        assert isinstance(channel, discord.TextChannel)
        forged = await channel.send("A forged button", view=view)
        result = await stage.member.click(forged, label="Forged")
        assert "**Manage Messages**" in result.response.content
        assert (await stage.member.slash(stage.news, "latest")).response.embeds == []


async def test_members_get_no_held_cards_suggested(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await _held(stage)
        assert "desk publish" not in stage.member.available_commands(stage.news)


async def test_decisions_run_into_each_other_in_sql_not_in_python(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await _held(stage)
        from bot.desk.publication import Decision, Verdict

        store = stage.bot.store
        outcomes = await asyncio.gather(
            *(
                store.desk.decide(
                    Decision(stage.guild.id, 1, Verdict.PUBLISH, user, stage.clock()), source="button", expected=None
                )
                for user in range(50)
            )
        )
        assert sum(outcome.taken for outcome in outcomes) == 1
