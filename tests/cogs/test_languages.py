"""Replies are in the language of who asks, posts in that of their channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.i18n import available_languages
from tests.support.stage import NOW, BotStage, button_ids, open_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[BotStage]:
    async with open_stage(tmp_path) as stage:
        stage.locales[stage.admin.id] = "de"
        yield stage


async def test_a_reply_is_in_the_language_of_who_asks(stage: BotStage) -> None:
    german = await stage.admin.slash(stage.news, "saved list")
    english = await stage.member.slash(stage.news, "saved list")

    assert german.response.content != english.response.content
    assert "Merkliste" in german.response.content or "gemerkt" in german.response.content
    assert "saved" in english.response.content


async def test_a_locale_without_a_catalogue_hears_english(stage: BotStage) -> None:
    stage.locales[stage.admin.id] = "vi"

    reply = await stage.admin.slash(stage.news, "saved list")

    assert "saved" in reply.response.content


async def test_a_click_is_answered_in_the_language_of_who_clicks(stage: BotStage) -> None:
    await stage.subscribe_channel()
    await stage.load_cards("one")
    (post,) = stage.list_posts()

    assert "Save" in button_ids(post), "the post is the channel's"
    reply = await stage.admin.click(post, label="Save")

    assert reply.response.content == "Gemerkt. Alles Gemerkte zeigt `/merkliste liste`."


async def test_a_form_is_in_the_language_of_who_opened_it(stage: BotStage) -> None:
    await stage.subscribe_channel()
    await stage.load_cards("one")
    (post,) = stage.list_posts()

    more = (await stage.admin.click(post, custom_id=_id_of(post, "nd:more:"))).response
    opened = await stage.admin.click(more, custom_id=_id_of(more, "nd:flag:"))

    assert opened.modal["title"] == "Ein Problem melden"


async def test_posts_are_in_the_language_of_the_server(tmp_path: Path) -> None:
    async with open_stage(tmp_path, server_locale="de") as stage:
        await stage.subscribe_channel()
        await stage.subscribe_channel(stage.digest, when="daily", at="11:00", timezone="UTC")
        stage.write_card("one", related='[{webUrl: "https://example.net/x", title: Other, provider: {name: Other}}]')
        await stage.load_cards()
        stage.clock.advance(days=1)
        await stage.bot.pipeline.plan_and_deliver()

        assert "Merken" in button_ids(stage.list_posts()[0])
        assert stage.list_posts()[0].embeds[0].fields[0].name == "Auch berichtet von"
        assert stage.list_posts(stage.digest)[0].content.startswith("**Tagesüberblick**")


async def test_a_server_that_changes_its_language_gets_later_posts_in_it(stage: BotStage) -> None:
    await stage.subscribe_channel()
    await stage.load_cards("one")
    await _get_guild(stage).edit(preferred_locale=discord.Locale.german)
    await stage.env.settle()
    await stage.load_cards("two")
    stage.write_card("one", title="Changed")
    await stage.load_cards()

    first, second = stage.list_posts()
    assert "Save" in button_ids(first), "a post keeps its language"
    assert first.embeds[0].title == "Changed"
    assert "Merken" in button_ids(second)


async def test_a_subscription_may_have_a_language_of_its_own(stage: BotStage) -> None:
    reply = await stage.subscribe_channel(language="de")
    await stage.load_cards("one")

    assert "Merken" in button_ids(stage.list_posts()[0])
    assert "Deutsch" in str(reply.response.embeds[0].to_dict())

    (subscription,) = await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)
    await stage.admin.slash(stage.news, "digest edit", subscription=str(subscription.id), language="server")
    await stage.load_cards("two")

    assert "Save" in button_ids(stage.list_posts()[1])


async def test_a_personal_digest_is_in_the_language_of_the_member(stage: BotStage) -> None:
    await stage.load_cards("one")
    await stage.admin.slash(stage.news, "follow", topic="Python", at="13:00", timezone="UTC")
    await stage.load_cards("two")
    stage.clock.now = NOW.replace(hour=14)
    await stage.bot.pipeline.plan_and_deliver()

    events = [message.content for message in stage.admin.user.dm_channel.history()]
    assert any(text.startswith("**Tagesüberblick**") for text in events)


async def test_commands_have_their_names_in_every_language(stage: BotStage) -> None:
    digest = next(each for each in await stage.bot.tree.fetch_commands() if each.name == "digest")

    assert digest.name_localizations[discord.Locale.german] == "überblick"
    assert set(digest.name_localizations) <= {discord.Locale(each) for each in available_languages() if each != "en"}


async def test_what_is_shown_to_everyone_is_in_the_language_of_the_server(stage: BotStage) -> None:
    await stage.load_cards("one")
    reply = await stage.admin.slash(stage.news, "latest")

    await stage.admin.click(reply.response, custom_id=_id_of(reply.response, "nd:show:"))

    (shown,) = stage.list_posts()
    assert "Save" in button_ids(shown)


def _id_of(message: Any, beginning: str) -> str:
    return next(custom_id for custom_id in button_ids(message).values() if custom_id.startswith(beginning))


def _get_guild(stage: BotStage) -> discord.Guild:
    guild = stage.bot.get_guild(stage.guild.id)
    assert guild
    return guild
