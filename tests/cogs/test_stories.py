"""Moderators split and join stories: what they are told, what the posts show, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.cards.model import Provider
from tests.support.stage import BotStage, newest, open_stage

COMET, FERRY = "Comet Halley nears planet Earth tonight", "Ferry company confirms the sale of its ship"


async def open_stories(stage: BotStage) -> None:
    """Two cards of one story in a channel, and one of another."""
    await stage.subscribe_channel()
    for slug, title in (("ant", COMET), ("bee", COMET), ("cat", FERRY)):
        await stage.send_card(slug, title=title, provider=Provider(slug.capitalize()))


async def say(stage: BotStage, command: str, person: Any = None, **options: str) -> Any:
    """Use a command of the desk, and let the posts follow."""
    reply = await (person or stage.admin).slash(stage.news, f"desk {command}", **options)
    await stage.bot.pipeline.plan_and_deliver()
    return reply.response


def list_covered(stage: BotStage) -> list[tuple[str, str]]:
    """What each post is about, and who else has it."""
    posts = [post.embeds[0] for post in stage.list_posts()]
    return [(post.title or "", " ".join(field.value or "" for field in post.fields)) for post in posts]


async def test_a_split_a_join_and_their_undoing_are_told_and_logged(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await open_stories(stage)
        assert len(stage.list_posts()) == 2
        done = await say(stage, "split", card="bee")
        assert "is a story of its own in this server" in done.content
        assert [covered for _, covered in list_covered(stage)] == ["", "", ""]
        assert "Split from its story by" in (await say(stage, "log")).content
        undone = newest(await stage.admin.click(done, label="Undo"))
        assert "is back in its story" in undone.content
        await stage.bot.pipeline.plan_and_deliver()
        assert [bool(covered) for _, covered in list_covered(stage)] == [True, False, True]
        joined = await say(stage, "join", card="cat", story="ant")
        assert "are one story in this server" in joined.content
        assert all(covered for _, covered in list_covered(stage))
        assert len(stage.list_posts()) == 3
        assert f"Joined with the story of “{COMET}” by" in (await say(stage, "log")).content
        undone = await say(stage, "undo", card="cat")
        assert "are two stories again" in undone.content
        assert [bool(covered) for _, covered in list_covered(stage)] == [True, False, True]
        assert not undone.components, "what was taken back is joined anew"
        assert "Nothing to undo" in (await say(stage, "undo", card="cat")).content


async def test_what_a_later_change_keeps_is_undone_after_that(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await open_stories(stage)
        split = await say(stage, "split", card="bee")
        joined = await say(stage, "join", card="bee", story="cat")
        refused = newest(await stage.admin.click(split, label="Undo")).content
        assert refused.startswith("This story was changed again since. Undo that first: 🔗 Joined with the story of")
        assert "are two stories again" in newest(await stage.admin.click(joined, label="Undo")).content
        assert "is back in its story" in newest(await stage.admin.click(split, label="Undo")).content
        assert "was faster: split undone" in newest(await stage.admin.click(split, label="Undo")).content


async def open_related(stage: BotStage, person: Any) -> Any:
    """Click through to who else has the story of the first post."""
    more = await person.click(stage.list_posts()[0], label="More…")
    return (await person.click(more.response, label="Related")).response


async def test_moderators_split_off_a_card_where_its_story_is_listed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await open_stories(stage)
        assert not (await open_related(stage, stage.member)).components
        related = await open_related(stage, stage.admin)
        (option,) = related.components[0]["components"][0]["options"]
        done = (await stage.admin.select(related, [option["value"]], custom_id="nd:split")).response
        assert "is a story of its own in this server" in done.content
        await stage.bot.pipeline.plan_and_deliver()
        assert [covered for _, covered in list_covered(stage)] == ["", "", ""]
        # It was taken out meanwhile, or the list is an old one.
        again = await stage.admin.select(related, [option["value"]], custom_id="nd:split")
        assert "This card is alone in its story already." in newest(again).content
        assert "Split from its story by" in (await say(stage, "log")).content
        assert "is back in its story" in newest(await stage.admin.click(done, label="Undo")).content


async def test_moderators_join_a_card_like_it_where_its_story_is_listed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await open_stories(stage)
        await say(stage, "split", card="bee")
        assert "Related" not in str(
            (await stage.member.click(stage.list_posts()[0], label="More…")).response.components
        )
        related = await open_related(stage, stage.admin)
        assert related.embeds[0].author.name is None, "nobody else has its story"
        (option,) = related.components[0]["components"][0]["options"]
        assert (option["label"], related.components[0]["components"][0]["placeholder"]) == (
            f"{COMET} · Bee",
            "🔗 The same story as…",
        )
        custom_id = related.components[0]["components"][0]["custom_id"]
        done = (await stage.admin.select(related, [option["value"]], custom_id=custom_id)).response
        assert "are one story in this server" in done.content
        await stage.bot.pipeline.plan_and_deliver()
        assert [bool(covered) for _, covered in list_covered(stage)] == [True, False, True]
        again = await stage.admin.select(related, [option["value"]], custom_id=custom_id)
        assert "These cards are in one story already." in newest(again).content
        assert f"Joined with the story of “{COMET}” by" in (await say(stage, "log")).content
        assert "are two stories again" in newest(await stage.admin.click(done, label="Undo")).content


@pytest.mark.parametrize(
    ("command", "options", "expected"),
    [
        ("split", {"card": "cat"}, "This card is alone in its story already."),
        ("join", {"card": "ant", "story": "ant"}, "These cards are in one story already."),
        ("join", {"card": "ant", "story": "bee"}, "These cards are in one story already."),
        ("split", {"card": "nothing of the kind"}, "I can't find that card."),
        ("join", {"card": "ant", "story": "nothing of the kind"}, "I can't find that card."),
        ("split", {"card": "gone"}, "A card that is withdrawn tells no story."),
        ("join", {"card": "ant", "story": "gone"}, "A card that is withdrawn tells no story."),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(
    tmp_path: Path, command: str, options: dict[str, str], expected: str
) -> None:
    async with open_stage(tmp_path) as stage:
        await open_stories(stage)
        await stage.send_card("gone", title=COMET, provider=Provider("Gone"))
        await say(stage, "withdraw", card="gone", reason="x")
        before = list_covered(stage)
        assert expected in (await say(stage, command, **options)).content
        assert list_covered(stage) == before


async def test_cards_of_both_options_are_completed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await open_stories(stage)
        for command, option in (("split", "card"), ("join", "card"), ("join", "story")):
            (choice,) = await stage.admin.autocomplete(stage.news, f"desk {command}", option, "ferry")
            assert FERRY in choice["name"]
