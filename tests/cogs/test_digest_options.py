"""The other commands of a digest, as a channel's manager uses them."""

from __future__ import annotations

from pathlib import Path

import discord

from tests.support.stage import open_stage
from tests.wire.forms.components import find_interactive, find_texts


async def test_every_command_of_a_digest_answers(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        made = await stage.subscribe_channel(when="daily", at="9:00", timezone="Europe/Berlin", without="gossip")
        assert "first digest" in made.response.content
        await stage.load_cards("one")
        card = (await stage.bot.store.cards.list_latest(0, limit=1)).cards[0]
        parameters = {"subscription": "1"}
        for command, options, answer in (
            ("preview", parameters, "Daily digest"),
            ("why", parameters | {"card": f"card:{card.id}"}, "next digest"),
            ("edit", parameters | {"layout": "list", "max_cards": 3}, "updated"),
            ("edit", parameters | {"layout": "list"}, "Nothing to change"),
            ("edit", parameters | {"timezone": "Mars/Base"}, "don't know the time zone"),
            ("quiet", {"channel": stage.news, "starts": "22:00", "ends": "7:00"}, ": 22:00 to 07:00"),
            ("quiet", {"channel": stage.news}, "Quiet hours removed"),
            ("now", parameters, "on its way"),
            ("pause", parameters, "Resume with `/digest resume`"),
            ("resume", parameters, "Resumed."),
        ):
            names = {"starts": "from", "ends": "to"}
            given = {names.get(name, name): value for name, value in options.items()}
            result = await stage.admin.slash(stage.news, f"digest {command}", **given)
            assert answer in result.response.content, (command, result.response.content)
        for changed, outcome in (
            ({"words": "chips"}, "It has none of the words that the subscription asks for."),
            ({"words": 'tea, "title of one"'}, "It would be in the next digest."),
            ({"words": "all", "providers": "Nobody"}, "The subscription doesn't ask for its publisher."),
            ({"providers": "example"}, "It would be in the next digest."),
        ):
            await stage.admin.slash(stage.news, "digest edit", **parameters, **changed)
            await stage.load_cards("next", title="Title of one, again")
            next_card = (await stage.bot.store.cards.list_latest(0, limit=1)).cards[0]
            why = await stage.admin.slash(stage.news, "digest why", **parameters, card=f"card:{next_card.id}")
            assert outcome in why.response.content
        listed = await stage.admin.slash(stage.news, "digest list")
        assert "only from example" in listed.response.embeds[0].description
        nothing = await stage.admin.slash(stage.news, "digest whatif", words="tea", when="daily")
        assert "Nothing in the last 30 days matches" in nothing.response.content
        found = await stage.admin.slash(stage.news, "digest whatif", words="titles")
        assert "with titles" in found.response.embeds[0].description
        strange = await stage.admin.slash(
            stage.news, "digest subscribe", channel=stage.news, providers="Example, Nobody", words="tea"
        )
        assert "No card has come from **Nobody** yet" in strange.response.content
        await stage.admin.slash(stage.news, "digest remove", subscription="2")
        await stage.admin.slash(stage.news, "digest subscribe", channel=stage.digest)
        instant = await stage.admin.slash(stage.news, "digest preview", subscription="3")
        assert instant.response.content == (
            "Each card will look like this.\n-# 2 cards from the last 7 days would have been posted."
        )
        assert [embed.title for embed in instant.response.embeds] == ["Title of one, again"]
        whatif = await stage.admin.slash(stage.news, "digest whatif", when="daily")
        assert whatif.response.content or whatif.response.embeds


async def test_a_thread_under_each_post_takes_a_permission_and_a_channel_that_has_threads(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        overwrites = {stage.guild.me: discord.PermissionOverwrite(create_public_threads=False)}
        quiet = stage.guild.create_text_channel("no-threads", overwrites=overwrites)
        forum = stage.guild.create_forum_channel("forum")
        for channel, answer in (
            (quiet, "I'm missing **Create Public Threads**"),
            (forum, "are already threads. Leave out `thread`"),
            (stage.news, "gets new cards from now on"),
        ):
            made = await stage.admin.slash(stage.news, "digest subscribe", channel=channel, thread=True)
            assert answer in made.response.content
        check = await stage.admin.slash(stage.news, "digest check")
        assert "Create Public Threads" in check.response.embeds[0].description
        edited = await stage.admin.slash(stage.news, "digest edit", subscription="1", thread=False, keep_days=30)
        assert "Create Public Threads" not in edited.response.content
        assert "Posts are deleted after 30 days" in edited.response.embeds[0].fields[-1].value


async def test_a_subscription_that_begins_with_cards_says_how_many(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two")
        made = await stage.admin.slash(stage.news, "digest subscribe", channel=stage.digest, backfill=5)
        assert "gets the latest 2 cards now" in made.response.content
        await stage.bot.pipeline.plan_and_deliver()
        assert sorted(map(str, stage.list_titles(stage.digest))) == ["Title of one", "Title of two"]
        none = await stage.admin.slash(
            stage.news, "digest subscribe", channel=stage.news, backfill=5, providers="Example", words="salmon"
        )
        assert "None of the earlier cards match." in none.response.content


async def test_a_magazine_says_where_it_cannot_be_and_cards_take_its_place(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        role = stage.guild.create_role("news", mentionable=True)
        refused = await stage.subscribe_channel(when="daily", layout="magazine", mention=role)
        assert "A magazine can't mention a role" in refused.response.content
        await stage.subscribe_channel(when="daily", layout="magazine", template="Our {heading}")
        await stage.load_cards("one", "two")
        preview = await stage.admin.slash(stage.news, "digest preview", subscription="1")
        above, *stories = find_texts(preview.response.components)
        assert above.startswith("Our **Daily digest**")
        assert "2 picked" in above
        assert len(stories) == 2
        save = find_interactive(preview.response.components)[0]["custom_id"]
        saved = await stage.admin.click(preview.response, custom_id=save)
        assert "Saved." in saved.response.content
        edited = await stage.admin.slash(stage.news, "digest edit", subscription="1", mention=role)
        assert "as cards instead of a magazine" in edited.response.embeds[0].fields[-2].value
        preview = await stage.admin.slash(stage.news, "digest preview", subscription="1")
        assert len(preview.response.embeds) == 2


async def test_a_colour_and_a_text_are_checked_when_they_are_typed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for options, answer in (
            ({"colour": "blurple-ish"}, "“blurple-ish” isn't a colour I know"),
            ({"template": "New: {tittle}"}, "I don't know `{tittle}`. Use `{heading}`, `{date}`"),
            ({"template": "x" * 201}, "The limit is 200 characters"),
            ({"colour": "#3e82F6", "template": "**New**  {title} <@&1>"}, "gets new cards from now on"),
        ):
            result = await stage.admin.slash(stage.news, "digest subscribe", channel=stage.news, **options)
            assert answer in result.response.content, options
        how = result.response.embeds[0].fields[-1].value
        assert "in the colour #3E82F6".casefold() in how.casefold()
        assert "with “\\*\\*New\\*\\*" in how
        await stage.load_cards("one")
        (post,) = stage.list_posts()
        assert post.content == "**New** Title of one <@&1>"
        assert post.embeds[0].colour == discord.Colour(0x3E82F6)
        await stage.admin.slash(stage.news, "digest edit", subscription="1", colour="none", template="none")
        (made,) = await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)
        assert (made.options.colour, made.options.template) == (None, "")
        for typed, colour in (("Red", 0xE74C3C), ("f80", 0xFF8800), ("0x010203", 0x010203), ("#000", 1)):
            await stage.admin.slash(stage.news, "digest edit", subscription="1", colour=typed)
            (made,) = await stage.bot.store.subscriptions.list_for_guild(stage.guild.id)
            assert made.options.colour == colour, typed
