"""`/digest setup`, walked as a channel's manager does: choices, form, preview, subscription; and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from tests.support.stage import BotStage, ImpossibleError, newest, open_stage
from tests.wire.forms.components import TEXT_INPUT

LOST = "This setup has expired. Start again with `/digest setup`."


@dataclass
class WizardDriver:
    """A draft on its manager's screen."""

    stage: BotStage
    shown: Any

    def list_items(self) -> dict[str, Any]:
        """The choices that are shown, by the last word of their `custom_id`."""
        found = [item for row in self.shown.components for item in row["components"]]
        return {item["custom_id"].rpartition(":")[2]: item for item in found}

    def read_fields(self) -> dict[str, str]:
        return {field.name: field.value for field in self.shown.embeds[0].fields}

    async def choose_option(self, name: str, *values: Any) -> Any:
        return await self.stage.admin.select(self.shown, list(values), custom_id=self.list_items()[name]["custom_id"])

    async def click_item(self, name: str) -> Any:
        return await self.stage.admin.click(self.shown, custom_id=self.list_items()[name]["custom_id"])

    async def fill_form(self, name: str, **typed: Any) -> Any:
        """Open a form, change some of its fields, and send it."""
        opened = await self.click_item(name)
        return await self.stage.admin.submit_modal(opened, {**form_fields(opened), **self.form_values(opened, typed)})

    @staticmethod
    def form_values(opened: Any, typed: dict[str, Any]) -> dict[str, Any]:
        labels = {label["label"]: label["component"]["custom_id"] for label in opened.modal["components"]}
        return {id_: text for label, id_ in labels.items() for name, text in typed.items() if label.startswith(name)}


def form_fields(opened: Any) -> dict[str, str]:
    """What a form's fields hold when it is opened."""
    fields = [label["component"] for label in opened.modal["components"]]
    return {field["custom_id"]: field.get("value") or "" for field in fields if field["type"] == TEXT_INPUT}


async def open_wizard(stage: BotStage) -> WizardDriver:
    result = await stage.admin.slash(stage.news, "digest setup")
    assert result.ephemeral
    return WizardDriver(stage, result.response)


async def list_subscriptions(stage: BotStage) -> list[Subscription]:
    return await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)


async def test_the_whole_walk(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        await stage.load_cards("other", topics="[Rust]")
        setup = await open_wizard(stage)
        assert setup.read_fields() == {
            "Channel": "*not chosen yet*",
            "When": "Daily at 09:00 (UTC)",
            "Topics": "Every topic",
            "How": "At most 10 cards",
        }
        assert setup.list_items()["subscribe"]["disabled"]
        await setup.choose_option("channel", stage.digest)
        await setup.choose_option("when", "weekly")
        await setup.choose_option("topics", "Rust")
        await setup.choose_option("layout", "list")
        await setup.fill_form("times", Times="9, 18:30", Days="sat", **{"Time zone": "europe/berlin"})
        await setup.fill_form("filters", Leave="gossip", Minimum="20")
        assert setup.read_fields() == {
            "Channel": f"<#{stage.digest.id}>",
            "When": "Saturday at 09:00 and 18:30 (Europe/Berlin)",
            "Topics": "Rust",
            "How": "Without gossip; quality at least 20 (low); as a list of at most 10 headlines",
        }
        preview = await setup.click_item("preview")
        assert "Weekly digest" in preview.response.content
        assert "1 picked, 1 about other topics" in preview.response.content
        assert "Title of other" in (preview.response.embeds[0].description or "")
        await setup.click_item("subscribe")
        assert "gets its first digest" in setup.shown.content
        assert setup.shown.components == []
        (made,) = await list_subscriptions(stage)
        assert made.channel_id == stage.digest.id
        assert made.options == SubscriptionOptions(
            Frequency.WEEKLY,
            (time(9), time(18, 30)),
            (5,),
            "Europe/Berlin",
            ("Rust",),
            ("gossip",),
            min_quality=20,
            layout=Layout.LIST,
        )
        assert stage.bot.open_drafts == set()


async def test_a_closed_select_says_what_it_is_about(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        labels = {name: item["options"] for name, item in setup.list_items().items() if name in ("when", "layout")}
        chosen = [each["label"] for options in labels.values() for each in options if each["default"]]
        assert chosen == ["How often · daily digest", "Layout · cards: a small embed each"]
        assert labels["layout"][1]["label"] == "List: linked headlines"


async def test_the_form_shows_what_was_chosen_and_an_empty_field_means_none(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        await setup.fill_form("times", Times="18:30", Days="mon, fri")
        await setup.fill_form(
            "filters", **{"Only with": '"open source", chips', "Only from": "NASA", "Leave": "gossip"}
        )
        shown = {
            "times": ["18:30", "Monday, Friday", "UTC", ""],
            "filters": ['"open source", chips', "NASA", "gossip", ""],
        }
        for name, values in shown.items():
            opened = await setup.click_item(name)
            assert list(form_fields(opened).values()) == values
            await stage.admin.submit_modal(opened, dict.fromkeys(form_fields(opened), ""))
        assert setup.read_fields()["When"] == "Daily at 09:00 (UTC)"
        assert setup.read_fields()["How"] == "At most 10 cards"


async def test_an_instant_subscription_is_asked_for_neither_times_nor_layout(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        await setup.choose_option("channel", stage.news)
        await setup.choose_option("when", "instant")
        assert "layout" not in setup.list_items()
        opened = await setup.click_item("times")
        assert list(form_fields(opened).values()) == [""], "it asks for no times"
        assert (await setup.click_item("preview")).response.content == "No cards from the last 7 days match."
        await stage.load_cards("early")
        preview = await setup.click_item("preview")
        assert "Each card will look like this." in preview.response.content
        assert preview.response.embeds[0].title == "Title of early"
        await setup.click_item("subscribe")
        assert "gets new cards from now on" in setup.shown.content
        await stage.load_cards("one")
        assert stage.list_titles() == ["Title of one"]


async def test_posts_that_go_and_threads_under_them_are_asked_for_with_the_times(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        forum = stage.guild.create_forum_channel("forum")
        setup = await open_wizard(stage)
        await setup.fill_form("times", Times="8:00", Delete="30", **{"A discussion": True})
        assert setup.read_fields()["How"].endswith("posts are deleted after 30 days; with a thread under each post")
        assert setup.read_fields()["When"] == "Daily at 08:00 (UTC)"
        refused = await setup.choose_option("channel", forum)
        assert "Leave out `thread`" in newest(refused).content
        for days in ("soon", "366", "-1"):
            answer = await setup.fill_form("times", Delete=days)
            assert "whole number of at most 365" in newest(answer).content
        await setup.choose_option("channel", stage.news)
        await setup.choose_option("when", "instant")
        await setup.fill_form("times", Delete="7")
        await setup.click_item("subscribe")
        (made,) = await list_subscriptions(stage)
        assert (made.options.keep_days, made.options.thread, made.options.times) == (7, True, ())


async def test_the_zone_that_was_typed_is_the_servers_next_one(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        await setup.choose_option("channel", stage.news)
        await setup.fill_form("times", **{"Time zone": "asia/tokyo"})
        assert (await open_wizard(stage)).read_fields()["When"] == "Daily at 09:00 (UTC)"
        await setup.click_item("subscribe")
        assert (await open_wizard(stage)).read_fields()["When"] == "Daily at 09:00 (Asia/Tokyo)"


@pytest.mark.parametrize(
    ("form", "typed", "answer"),
    [
        ("times", {"Times": "soon"}, "isn't a time of day"),
        ("times", {"Times": "25 Uhr"}, "“25 Uhr” isn't a time of day"),
        ("times", {"Days": "someday"}, "isn't a day"),
        ("times", {"Time zone": "Mars/Base"}, "I don't know the time zone"),
        ("filters", {"Minimum": "high"}, "a whole number"),
        ("filters", {"Leave": "python"}, "no card could match"),
        ("filters", {"Only with": "chips, -tea"}, "“-tea” has no word"),
        ("filters", {"Only with": ", ".join(map(str, range(26)))}, "the limit is 25"),
    ],
)
async def test_what_is_typed_and_impossible_is_said_and_changes_nothing(
    tmp_path: Path, form: str, typed: dict[str, str], answer: str
) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        setup = await open_wizard(stage)
        await setup.choose_option("topics", "Python")
        before = setup.read_fields()
        refused = await setup.fill_form(form, **typed)
        assert newest(refused).ephemeral
        assert answer in newest(refused).content
        assert setup.read_fields() == before
        await setup.fill_form("times", **{"Times": "8:00", "Days": "", "Time zone": "UTC"})
        assert setup.read_fields()["When"] == "Daily at 08:00 (UTC)"


async def test_a_form_names_all_that_is_wrong_and_comes_back_with_what_was_typed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        typed = {"Times": "25 Uhr", "Days": "Nonday", "Time zone": "Mars/Base"}
        refused = newest(await setup.fill_form("times", **typed)).content
        for problem in ("“25 Uhr” isn't a time", "“Nonday” isn't a day", "time zone “Mars/Base”"):
            assert problem in refused
        reopened = await setup.click_item("times")
        assert list(form_fields(reopened).values())[:3] == list(typed.values())
        await setup.fill_form("times", **{"Times": "8:00", "Days": "Mon", "Time zone": "UTC"})
        reopened = await setup.click_item("times")
        assert list(form_fields(reopened).values())[:3] == ["08:00", "Monday", "UTC"]


@pytest.mark.parametrize("when", ["instant", "weekdays", "daily"])
async def test_a_topic_that_is_left_out_cannot_be_chosen(tmp_path: Path, when: str) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        setup = await open_wizard(stage)
        await setup.choose_option("when", when)
        await setup.fill_form("filters", Leave="python")
        refused = await setup.choose_option("topics", "Python")
        assert "no card could match" in newest(refused).content
        assert setup.read_fields()["Topics"] == "Every topic"


async def test_a_channel_where_the_bot_cannot_post_is_not_taken(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        locked = stage.guild.create_text_channel(
            "locked", overwrites={stage.guild.me: discord.PermissionOverwrite(send_messages=False)}
        )
        setup = await open_wizard(stage)
        refused = await setup.choose_option("channel", locked)
        assert "**Send Messages**" in newest(refused).content
        assert setup.read_fields()["Channel"] == "*not chosen yet*"


async def test_the_same_subscription_twice_is_refused_and_the_draft_stays(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel(when="daily")
        setup = await open_wizard(stage)
        await setup.choose_option("channel", stage.news)
        refused = await setup.click_item("subscribe")
        assert "already has this subscription" in newest(refused).content
        await setup.choose_option("channel", stage.digest)
        await setup.click_item("subscribe")
        assert [each.channel_id for each in await list_subscriptions(stage)] == [stage.news.id, stage.digest.id]


async def test_nobody_else_sees_a_draft(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        with pytest.raises(ImpossibleError, match="not visible to this user"):
            await stage.member.click(setup.shown, label="Preview")


async def test_who_manages_one_channel_cannot_choose_another(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        own = stage.guild.create_text_channel(
            "own", overwrites={stage.member: discord.PermissionOverwrite(manage_channels=True)}
        )
        result = await stage.member.slash(own, "digest setup")
        setup = WizardDriver(stage, result.response)
        selected = setup.list_items()["channel"]["custom_id"]
        refused = await stage.member.select(setup.shown, [stage.news], custom_id=selected)
        assert "**Manage Channels**" in newest(refused).content
        await stage.member.select(setup.shown, [own], custom_id=selected)
        assert setup.read_fields()["Channel"] == f"<#{own.id}>"


async def test_who_lost_the_permission_in_the_midst_subscribes_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        own = stage.guild.create_text_channel(
            "own", overwrites={stage.member: discord.PermissionOverwrite(manage_channels=True)}
        )
        setup = WizardDriver(stage, (await stage.member.slash(own, "digest setup")).response)
        await stage.member.select(setup.shown, [own], custom_id=setup.list_items()["channel"]["custom_id"])
        stage.take_permissions(own)
        refused = await stage.member.click(setup.shown, label="Subscribe")
        assert "**Manage Channels**" in newest(refused).content
        assert await list_subscriptions(stage) == []


async def test_a_setup_that_a_restart_interrupted_says_so_at_every_item_and_in_its_form(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        await setup.choose_option("channel", stage.news)
        opened = await setup.click_item("filters")
        await stage.restart_bot()
        lost = [await setup.click_item(name) for name in ("filters", "preview", "subscribe")]
        lost += [await setup.choose_option("channel", stage.digest), await setup.choose_option("when", "weekly")]
        lost.append(await stage.admin.submit_modal(opened, form_fields(opened)))
        assert [each.response.content for each in lost] == [LOST] * 6
        assert all(each.ephemeral for each in lost)
        assert await list_subscriptions(stage) == []
        again = await open_wizard(stage)
        await again.choose_option("channel", stage.news)
        await again.click_item("subscribe")
        assert len(await list_subscriptions(stage)) == 1


async def test_a_setup_that_waited_for_too_long_says_so(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        setup = await open_wizard(stage)
        await stage.env.advance_time(14 * 60 + 1)
        assert (await setup.click_item("preview")).response.content == LOST
        assert stage.bot.open_drafts == set()
