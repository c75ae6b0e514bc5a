"""Replies are in the language of who asks, posts in that of their channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.language import languages
from tests.support.stage import NOW, Stage, buttons, on_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with on_stage(tmp_path) as stage:
        stage.locales[stage.admin.id] = "de"
        yield stage


async def test_a_reply_is_in_the_language_of_who_asks(stage: Stage) -> None:
    german = await stage.admin.slash(stage.news, "saved list")
    english = await stage.member.slash(stage.news, "saved list")

    assert german.response.content != english.response.content
    assert "Merkliste" in german.response.content or "gemerkt" in german.response.content
    assert "saved" in english.response.content


async def test_a_locale_without_a_catalogue_hears_english(stage: Stage) -> None:
    stage.locales[stage.admin.id] = "vi"

    reply = await stage.admin.slash(stage.news, "saved list")

    assert "saved" in reply.response.content


async def test_a_click_is_answered_in_the_language_of_who_clicks(stage: Stage) -> None:
    await stage.subscribe()
    await stage.load("one")
    (post,) = stage.posts()

    assert "Save" in buttons(post), "the post is the channel's"
    reply = await stage.admin.click(post, label="Save")

    assert reply.response.content == "Gemerkt. `/merkliste liste` zeigt alles, was du dir gemerkt hast."


async def test_a_form_is_in_the_language_of_who_opened_it(stage: Stage) -> None:
    await stage.subscribe()
    await stage.load("one")
    (post,) = stage.posts()

    opened = await stage.admin.click(post, custom_id=_id_of(post, "nd:flag:"))

    assert opened.modal["title"] == "Ein Problem melden"


async def test_posts_are_in_the_language_of_the_server(tmp_path: Path) -> None:
    async with on_stage(tmp_path, server_locale="de") as stage:
        await stage.subscribe()
        await stage.subscribe(stage.digest, when="daily", at="11:00", timezone="UTC")
        stage.write("one", related='[{webUrl: "https://example.net/x", title: Other, provider: {name: Other}}]')
        await stage.load()
        stage.clock.move(days=1)
        await stage.bot.newsroom.tick()

        assert "Merken" in buttons(stage.posts()[0])
        assert stage.posts()[0].embeds[0].fields[0].name == "Auch berichtet von"
        assert stage.posts(stage.digest)[0].content.startswith("**Tagesüberblick**")


async def test_a_server_that_changes_its_language_gets_later_posts_in_it(stage: Stage) -> None:
    await stage.subscribe()
    await stage.load("one")
    await _guild(stage).edit(preferred_locale=discord.Locale.german)
    await stage.env.settle()
    await stage.load("two")
    stage.write("one", title="Changed")
    await stage.load()

    first, second = stage.posts()
    assert "Save" in buttons(first), "a post keeps its language"
    assert first.embeds[0].title == "Changed"
    assert "Merken" in buttons(second)


async def test_a_subscription_may_have_a_language_of_its_own(stage: Stage) -> None:
    reply = await stage.subscribe(language="de")
    await stage.load("one")

    assert "Merken" in buttons(stage.posts()[0])
    assert "Deutsch" in str(reply.response.embeds[0].to_dict())

    (subscription,) = await stage.bot.store.subscriptions.of_guild(stage.guild.id)
    await stage.admin.slash(stage.news, "digest edit", subscription=str(subscription.id), language="server")
    await stage.load("two")

    assert "Save" in buttons(stage.posts()[1])


async def test_a_personal_digest_is_in_the_language_of_the_member(stage: Stage) -> None:
    await stage.load("one")
    await stage.admin.slash(stage.news, "follow", topic="Python", at="13:00", timezone="UTC")
    await stage.load("two")
    stage.clock.now = NOW.replace(hour=14)
    await stage.bot.newsroom.tick()

    heard = [message.content for message in stage.admin.user.dm_channel.history()]
    assert any(text.startswith("**Tagesüberblick**") for text in heard)


async def test_commands_have_their_names_in_every_language(stage: Stage) -> None:
    digest = next(each for each in await stage.bot.tree.fetch_commands() if each.name == "digest")

    assert digest.name_localizations[discord.Locale.german] == "überblick"
    assert set(digest.name_localizations) <= {discord.Locale(each) for each in languages() if each != "en"}


async def test_what_is_shown_to_everyone_is_in_the_language_of_the_server(stage: Stage) -> None:
    await stage.load("one")
    reply = await stage.admin.slash(stage.news, "latest")

    await stage.admin.click(reply.response, custom_id=_id_of(reply.response, "nd:show:"))

    (shown,) = stage.posts()
    assert "Save" in buttons(shown)


def _id_of(message: Any, beginning: str) -> str:
    return next(custom_id for custom_id in buttons(message).values() if custom_id.startswith(beginning))


def _guild(stage: Stage) -> discord.Guild:
    guild = stage.bot.get_guild(stage.guild.id)
    assert guild
    return guild
