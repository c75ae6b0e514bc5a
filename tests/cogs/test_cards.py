"""What members see when they read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.stage import BotStage, button_ids, newest, open_stage


async def test_latest_shows_the_newest_cards_first_and_only_to_the_asker(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("old", publishedDateTime="2026-05-30T10:00:00Z")
        await stage.load_cards("new")
        result = await stage.member.slash(stage.news, "latest")
        assert [embed.title for embed in result.response.embeds] == ["Title of new", "Title of old"]
        assert result.ephemeral


async def test_a_single_card_comes_in_full_with_open_and_save(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        result = await stage.member.slash(stage.news, "latest", topic="python")
        found = {
            "Open": "https://example.org/one",
            "Save": "nd:save:1:0",
            "More…": "nd:more:1",
            "Show to everyone": "nd:show:1",
        }
        assert button_ids(result.response) == found


@pytest.mark.parametrize("command", ["latest", "search", "topics", "saved list", "saved export"])
async def test_an_empty_archive_answers_in_words(tmp_path: Path, command: str) -> None:
    async with open_stage(tmp_path) as stage:
        options = {"query": "anything"} if command == "search" else {}
        result = await stage.member.slash(stage.news, command, **options)
        assert result.response.content
        assert result.ephemeral


async def test_held_cards_are_nowhere_for_members(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("secretive", published="false", heat="10")
        for command, options in (("latest", {}), ("search", {"query": "secretive"}), ("card", {"card": "card:1"})):
            result = await stage.member.slash(stage.news, command, **options)
            assert not result.response.embeds, command
        assert await stage.member.autocomplete(stage.news, "card", "card", "secretive") == []


async def test_pages_turn_after_a_restart_and_stay_right_when_cards_arrive(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(7):
            stage.write_card(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
        await stage.load_cards()
        first = await stage.member.slash(stage.news, "search", query="title")
        await stage.restart_bot()
        await stage.load_cards("late", publishedDateTime="2026-06-01T11:00:00Z")
        second = await stage.member.click(first.response, label="More →")
        assert [embed.title for embed in second.response.embeds] == ["Title of card1", "Title of card0"]
        back = await stage.member.click(second.response, label="← Back")
        assert back.response.embeds[0].title == "Title of card6"


async def test_pages_of_other_orders_turn_as_well(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(7):
            stage.write_card(f"card{number}", heat=70 + number)
        await stage.load_cards()
        first = await stage.member.slash(stage.news, "search", query="title", order="hottest")
        assert first.response.embeds[0].title == "Title of card6"
        second = await stage.member.click(first.response, label="More →")
        assert [embed.title for embed in second.response.embeds] == ["Title of card1", "Title of card0"]


async def test_saving_survives_a_restart_and_is_listed_and_removed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        await stage.restart_bot()
        (post,) = stage.list_posts()
        assert "Saved" in (await stage.member.click(post, label="Save")).response.content
        assert "already" in (await stage.member.click(post, label="Save")).response.content
        listed = await stage.member.slash(stage.news, "saved list")
        assert [embed.title for embed in listed.response.embeds] == ["Title of one"]
        assert (await stage.admin.slash(stage.news, "saved list")).response.embeds == []
        removed = await stage.member.click(listed.response, custom_id="nd:forget:1")
        assert "Removed" in removed.response.content


async def test_a_saved_card_that_was_withdrawn_is_only_counted(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one")
        (post,) = stage.list_posts()
        await stage.member.click(post, label="Save")
        await stage.load_cards("one", removed="true")
        listed = await stage.member.slash(stage.news, "saved list")
        assert listed.response.embeds == []
        assert "can't be shown" in listed.response.content


async def test_related_lists_who_else_covered_the_story(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        related = "[{title: Elsewhere, webUrl: 'https://example.com/e', provider: {name: Other}}]"
        await stage.load_cards("one", related=related)
        shown = await stage.member.slash(stage.news, "latest")
        more = await stage.member.click(shown.response, label="More…")
        result = await stage.member.click(more.response, label="Related")
        assert "Elsewhere" in (result.response.embeds[0].description or "")


async def load_comet(stage: BotStage) -> None:
    """Three publishers' cards of one story, and another card."""
    titles = ("Comet Halley nears planet Earth tonight", "Astronomers expect comet Halley near Earth tonight")
    for hour, (slug, title) in enumerate([("nasa", titles[0]), ("esa", titles[1]), ("jaxa", titles[0])]):
        stage.write_card(
            slug,
            title=title,
            publishedDateTime=f"2026-06-01T0{hour}:00:00Z",
            provider=f"{{name: {slug.upper()}}}",
            webUrl=f"https://{slug}.example/comet",
        )
    await stage.load_cards("other", publishedDateTime="2026-05-31T10:00:00Z")
    while await stage.bot.store.cards.stories.assign_pending():
        pass


async def test_a_story_is_one_entry_and_who_else_has_it_a_click_away_after_a_restart_too(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await load_comet(stage)
        shown = await stage.member.slash(stage.news, "latest")
        first, other = shown.response.embeds
        assert first.title == "Comet Halley nears planet Earth tonight"
        assert "+2 more publishers" in (first.description or "")
        assert "more" not in (other.description or "")
        await stage.restart_bot()
        newest_id = str((await newest_ids(stage))[0])
        members = await stage.member.select(shown.response, values=[newest_id], custom_id="nd:story")
        assert "NASA" in (members.response.embeds[0].description or "")
        assert "ESA" in (members.response.embeds[0].description or "")
        every_card = await stage.member.slash(stage.news, "latest", every_card=True)
        assert len(every_card.response.embeds) == 4


async def newest_ids(stage: BotStage) -> list[int]:
    return [card.id for card in (await stage.bot.store.cards.list_latest(stage.guild.id, limit=9)).cards]


async def test_a_search_counts_stories_and_shows_the_newest_of_each(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await load_comet(stage)
        shown = await stage.member.slash(stage.news, "search", query="comet")
        assert shown.response.content == "1 result for “comet”"
        more = await stage.member.click(shown.response, label="More…")
        assert list(button_ids(more.response)) == ["Related", "More about Python", "Report"]
        shown = await stage.member.slash(stage.news, "search", query="comet", every_card=True)
        assert shown.response.content == "3 results for “comet”"
        # The filter leaves the newest card of the story out, so that another one stands for it.
        shown = await stage.member.slash(stage.news, "search", query="comet", provider="ESA")
        assert [embed.title for embed in shown.response.embeds] == [
            "Astronomers expect comet Halley near Earth tonight"
        ]


async def test_topics_say_what_is_new_and_what_rises(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("a", "b", "c", topics="[Space]")
        await stage.load_cards("old", publishedDateTime="2026-05-20T10:00:00Z")
        await stage.load_cards("held", topics="[Space]", published="false", heat="10")
        result = await stage.member.slash(stage.news, "topics")
        (embed,) = result.response.embeds
        assert embed.description == "**Space** · 3 cards in 7 days 📈\n**Python** · 1 card"


@pytest.mark.parametrize("query", ['"', "foo AND", "c++ .net", "-", "*", "NEAR(", "\u202e", "🙂", "日本"])
async def test_any_query_is_answered(tmp_path: Path, query: str) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        result = await stage.member.slash(stage.news, "search", query=query)
        assert "went wrong" not in result.response.content


async def test_since_takes_words_and_dates_and_explains_itself(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", publishedDateTime="2026-05-01T10:00:00Z")
        shown = await stage.member.slash(stage.news, "search", query="title", since="2026-04-30")
        assert len(shown.response.embeds) == 1
        none = await stage.member.slash(stage.news, "search", query="title", since="2 weeks")
        assert "with these filters" in none.response.content
        wrong = await stage.member.slash(stage.news, "search", query="title", since="yesterdayish")
        assert "`7 days`" in wrong.response.content


async def test_a_search_narrows_to_videos_and_to_a_span_of_time(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.write_card("old", publishedDateTime="2026-04-01T10:00:00Z", type="article")
        await stage.load_cards("film", publishedDateTime="2026-05-01T10:00:00Z", type="video")
        shown = await stage.member.slash(stage.news, "search", query="title", kind="video", until="2026-05-01")
        assert [embed.title for embed in shown.response.embeds] == ["▶ Title of film"]
        shown = await stage.member.slash(stage.news, "search", query="title", since="2026-04-01", until="2026-04-30")
        assert [embed.title for embed in shown.response.embeds] == ["Title of old"]
        wrong = await stage.member.slash(stage.news, "search", query="title", since="today", until="7 days")
        assert "later than `since`" in wrong.response.content
        ends = await stage.member.autocomplete(stage.news, "search", "until", "7", query="x")
        assert [choice["value"] for choice in ends] == ["7 days"]


@pytest.mark.sqlite("earlier versions have no other engine")
async def test_a_list_of_an_earlier_version_still_turns(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(7):
            stage.write_card(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
        await stage.load_cards()
        first = await stage.member.slash(stage.news, "search", query="title")
        with closing(sqlite3.connect(next(tmp_path.rglob("*.db")))) as connection, connection:
            connection.execute("UPDATE list_requests SET request = json_remove(request, '$.type', '$.until')")
        second = await stage.member.click(first.response, label="More →")
        assert [embed.title for embed in second.response.embeds] == ["Title of card1", "Title of card0"]


async def test_a_misspelled_search_is_one_click_from_its_hits_after_a_restart_too(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("python", type="article")
        shown = await stage.member.slash(stage.news, "search", query="titel *of* pyhton", kind="article")
        assert "Nothing found for “titel \\*of\\* pyhton” with these filters." in shown.response.content
        assert "Did you mean **title \\*of\\* python**?" in shown.response.content
        assert "Similar topics" not in shown.response.content, "none begins as one of the words"
        await stage.restart_bot()
        hits = await stage.member.click(shown.response, label="Search for title *of* python")
        assert [embed.title for embed in hits.response.embeds] == ["Title of python"]
        assert hits.response.content == "1 result for “title \\*of\\* python”"


async def test_a_search_of_exclusions_alone_says_what_is_missing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two", topics=["AI"])
        shown = await stage.member.slash(stage.news, "search", query="-one")
        assert "“-one” only says what to leave out. Add a word" in shown.response.content
        shown = await stage.member.slash(stage.news, "search", query="-one", topic="AI")
        assert [embed.title for embed in shown.response.embeds] == ["Title of two"]
        shown = await stage.member.slash(stage.news, "search", query="titles -one")
        assert [embed.title for embed in shown.response.embeds] == ["Title of two"]


async def test_hits_show_the_words_in_their_place(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two", excerpt="A comet passes. " * 20 + "Its träil glows.")
        shown = await stage.member.slash(stage.news, "search", query="title trai")
        (first, _) = [embed.description or "" for embed in shown.response.embeds]
        assert first.startswith("…")
        assert first.endswith("passes. Its **träil** glows.")
        latest = await stage.member.slash(stage.news, "latest")
        assert (latest.response.embeds[0].description or "").startswith("A comet passes.")


async def test_a_page_that_has_lost_its_cards_says_so_beside_the_list(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(6):
            stage.write_card(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
        await stage.load_cards()
        shown = await stage.member.slash(stage.news, "search", query="title")
        await stage.load_cards("card0", removed="true", publishedDateTime="2026-06-01T00:00:00Z")
        turned = await stage.member.click(shown.response, label="More →")
        assert "nothing more" in newest(turned).content
        assert "Did you mean" not in newest(turned).content


async def test_words_that_nothing_resembles_have_no_button(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        shown = await stage.member.slash(stage.news, "search", query="@everyone kilimanjaro")
        assert "@everyone" not in shown.response.content
        assert "Did you mean" not in shown.response.content
        assert button_ids(shown.response) == {}


async def test_autocomplete_offers_topics_providers_and_cards(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", title="A long story " * 20)
        topics = await stage.member.autocomplete(stage.news, "latest", "topic", "py")
        providers = await stage.member.autocomplete(stage.news, "search", "provider", "ex", query="x")
        cards = await stage.member.autocomplete(stage.news, "card", "card", "long sto")
        assert [choice["name"] for choice in topics + providers] == ["Python", "Example"]
        assert [choice["value"] for choice in cards] == ["card:1"]
        assert len(cards[0]["name"]) <= 100


async def test_a_title_of_several_cards_asks_to_choose(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one", "two")
        several = await stage.member.slash(stage.news, "card", card="title")
        exact = await stage.member.slash(stage.news, "card", card="one")
        assert "Choose one" in several.response.content
        assert exact.response.embeds[0].title == "Title of one"


async def test_posts_and_replies_leave_nothing_behind_in_memory(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.load_cards("one", "two")
        await stage.load_cards("one", title="Edited")
        shown = await stage.member.slash(stage.news, "latest")
        await stage.member.select(shown.response, values=["1"], custom_id="nd:keep:0")
        kept = stage.bot._connection._view_store
        assert not kept._views
        assert not kept._synced_message_views
