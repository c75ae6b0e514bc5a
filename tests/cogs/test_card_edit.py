"""The desk's form for a card: filled with what the server sees, nothing typed is lost, and everything can be undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.cards.model import CardState, Image
from tests.support.edits import edit_card
from tests.support.stage import BotStage, button_ids, newest, open_stage

FIELDS = ("Title", "Excerpt", "Picture", "Topics")
PICTURE = "https://img.example/new.png"


async def open_form(person: Any, message: Any) -> Any:
    """Click the button under a card that is being edited."""
    shown = await person.click(message, custom_id=button_ids(message)["Edit…"])
    assert shown.modal is not None
    return shown


def read_form(shown: Any) -> dict[str, str]:
    """What the form is filled with, by label."""
    return {label["label"]: label["component"].get("value") or "" for label in shown.modal["components"]}


async def send_form(person: Any, shown: Any, **changes: str) -> Any:
    """Send the form with these fields changed; the others as they are."""
    fields = {label["label"]: label["component"] for label in shown.modal["components"]}
    values = {name: changes.get(name, fields[name].get("value") or "") for name in FIELDS}
    return await person.submit_modal(shown, {fields[name]["custom_id"]: text for name, text in values.items()})


async def edit_by_command(stage: BotStage, slug: str, person: Any = None, **changes: str) -> Any:
    person = person or stage.admin
    reply = await person.slash(stage.news, "desk edit", card=slug)
    return await send_form(person, await open_form(person, reply.response), **changes)


def read_embed(message: Any) -> dict[str, Any]:
    return dict(message.embeds[0].to_dict())


async def test_what_is_edited_shows_in_the_posts_and_in_the_log_and_can_be_undone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        await stage.subscribe_channel(stage.digest, topics="Moon")
        await stage.send_card("one", image=Image("https://img.example/old.png"))
        reply = await stage.admin.slash(stage.news, "desk edit", card="one")
        assert "Only this server sees" in reply.response.content
        assert read_embed(reply.response)["title"] == "Title of one"
        shown = await open_form(stage.admin, reply.response)
        old = ("Title of one", "Excerpt of one", "https://img.example/old.png", "Python")
        assert read_form(shown) == dict(zip(FIELDS, old, strict=True))
        done = await send_form(stage.admin, shown, Title="A *new* title", Picture=PICTURE, Topics="python, Space")
        assert "in this server" in done.response.content
        assert read_embed(done.response)["title"] == r"A \*new\* title"
        await stage.bot.pipeline.plan_and_deliver()
        (post,) = stage.list_posts()
        assert post.embeds[0].title == r"A \*new\* title"
        assert post.embeds[0].image.url == PICTURE
        assert post.embeds[0].footer.text == "Python · Space"
        assert post.embeds[0].description == "Excerpt of one"
        log = (await stage.admin.slash(stage.news, "desk log")).response.content
        assert rf"Edited by <@{stage.admin.id}>" in log
        assert r"title “Title of one” → “A \*new\* title”" in log
        assert f"picture `https://img.example/old.png` → `{PICTURE}`; topics Python → Python, Space" in log
        undone = await stage.admin.click(done.response, label="Undo")
        assert "follows its source again" in newest(undone).content
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == ["Title of one"]
        assert "Edit undone by" in (await stage.admin.slash(stage.news, "desk log")).response.content
        assert stage.list_titles(stage.digest) == []


async def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.send_card("one", title="Two  spaces", excerpt="")
        for changes in ({}, {"Title": " Two  spaces "}, {"Topics": "python"}):
            done = await edit_by_command(stage, "one", **changes)
            assert done.response.content.startswith("Nothing changed."), changes
        assert "No such decisions" in (await stage.admin.slash(stage.news, "desk log")).response.content


async def test_wrong_input_is_named_and_what_was_typed_is_there_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.send_card("one")
        typed = {
            "Title": " \u200b ",
            "Excerpt": "Kept",
            "Picture": "ftp://img.example/a",
            "Topics": ",".join("abcdefghijk"),
        }
        wrong = await edit_by_command(stage, "one", **typed)
        for words in (
            "A card needs a title.",
            "The picture needs a full public address",
            "up to 10 topics",
            "Your text is kept",
        ):
            assert words in wrong.response.content
        shown = await open_form(stage.admin, wrong.response)
        assert read_form(shown) == typed
        right = {"Title": "Fine", "Picture": "", "Topics": ""}
        done = await send_form(stage.admin, shown, **right)
        assert "Edited" in done.response.content
        embed = read_embed(done.response)
        assert (embed["title"], embed["description"], embed.get("footer")) == ("Fine", "Kept", None)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "http://localhost/a.png", "http://10.0.0.1/a.png", "https://u:p@img.example/a", "/a.png"],
)
async def test_a_picture_is_a_whole_public_address(tmp_path: Path, address: str) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.send_card("one")
        wrong = await edit_by_command(stage, "one", Picture=address)
        assert "The picture needs a full public address" in wrong.response.content


async def test_the_second_of_two_moderators_is_told_who_was_faster_and_keeps_what_was_typed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.send_card("one")
        reply = await stage.admin.slash(stage.news, "desk edit", card="one")
        shown = await open_form(stage.admin, reply.response)
        other = stage.guild.add_member(stage.env.create_user("other"), roles=[stage.moderators])
        await edit_by_command(stage, "one", other, Title="Theirs", Excerpt="Theirs too")
        late = await send_form(stage.admin, shown, Title="Mine")
        assert f"<@{other.id}> was faster" in late.response.content
        assert read_embed(late.response)["title"] == "Theirs"
        shown = await open_form(stage.admin, late.response)
        assert (read_form(shown)["Title"], read_form(shown)["Excerpt"]) == ("Mine", "Theirs too")
        done = await send_form(stage.admin, shown)
        assert read_embed(done.response)["title"] == "Mine"
        assert read_embed(done.response)["description"] == "Theirs too"


async def test_cards_of_files_say_that_the_file_is_their_source(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        reply = await stage.admin.slash(stage.news, "desk edit", card="one")
        assert "comes from a file" in reply.response.content
        assert not reply.response.components


async def test_who_lost_the_right_meanwhile_edits_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.send_card("one")
        reply = await stage.admin.slash(stage.news, "desk edit", card="one")
        shown = await open_form(stage.admin, reply.response)
        stage.env.backend.remove_member_role(stage.guild.id, stage.admin.id, stage.moderators.id)
        done = await send_form(stage.admin, shown, Title="Mine")
        assert "permission for this" in newest(done).content
        shown = await stage.member.slash(stage.news, "card", card="one")
        assert read_embed(shown.response)["title"] == "Title of one"


async def test_reviews_and_the_queue_offer_to_edit_what_may_be_edited(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = stage.private_channel("desk")
        await stage.admin.slash(stage.news, "desk channel", channel=desk)
        await stage.load_cards("file", published="false", heat="10")
        await stage.send_card("sent", state=CardState.HELD, quality=90)
        by_title: dict[Any, discord.Message] = {each.embeds[0].title: each for each in stage.list_posts(desk)}
        sent, file = by_title["Title of sent"], by_title["Title of file"]
        assert list(button_ids(sent)) == ["Publish", "Publish in…", "Withdraw", "Edit", "Why?"]
        assert "Edit topics" in button_ids(file)
        queue = await stage.admin.slash(stage.news, "desk queue")
        select, chosen = queue.response.components[0]["components"][0], {}
        for option in select["options"]:
            page = await stage.admin.select(queue.response, values=[option["value"]], custom_id=select["custom_id"])
            chosen[option["label"][3:]] = button_ids(page.response)
        assert "Edit…" not in chosen["Title of file"]
        assert "Edit…" in chosen["Title of sent"]
        page = await stage.admin.slash(stage.news, "desk queue", min_quality=81)
        for message, label in ((sent, "Edit"), (page.response, "Edit…")):
            reply = await stage.admin.click(message, label=label)
            shown = await open_form(stage.admin, newest(reply))
            await send_form(stage.admin, shown, Title=f"By {label}")
        await stage.bot.pipeline.plan_and_deliver()
        (review,) = [each for each in stage.list_posts(desk) if each.embeds[0].title == "By Edit…"]
        assert f"Edited by <@{stage.admin.id}>" in review.content
        await stage.admin.click(review, label="Undo")
        await stage.bot.pipeline.plan_and_deliver()
        assert "By Edit" in [each.embeds[0].title for each in stage.list_posts(desk)]


async def test_an_edit_of_before_a_restart_is_asked_for_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.send_card("one")
        reply = await stage.admin.slash(stage.news, "desk edit", card="one")
        await stage.restart_bot()
        gone = await stage.admin.click(reply.response, label="Edit…")
        assert "expired" in newest(gone).content


async def test_a_long_title_of_a_source_does_not_keep_the_form_from_opening(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        topics = tuple(f"Topic {number}" for number in range(40))
        card_id = await stage.send_card("one", title="long " * 150, excerpt="word " * 1900, topics=topics)
        done = await edit_by_command(stage, "one", Picture=PICTURE)
        assert "Edited" in done.response.content
        stored = await stage.bot.store.cards.get_card(card_id, stage.guild.id)
        assert stored
        assert (stored.card.title, stored.card.topics) == ("long " * 150, topics)


async def test_an_edit_does_not_reach_another_server(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        card_id = await stage.send_card("one")
        other = stage.env.create_guild("Other")
        hall = other.create_text_channel("hall")
        stranger = other.add_member(stage.env.create_user("stranger"))
        await edit_card(stage.bot.store, stage.guild.id, card_id, title="Ours")
        shown = await stranger.slash(hall, "card", card="one")
        assert read_embed(shown.response)["title"] == "Title of one"
