"""/submit and the menu of messages, with a site on loopback: from a link to the desk, to the channel, to a notice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import discord
import pytest

from tests.support.feed_server import FeedServer, route_names, serve_feeds
from tests.support.play import open_commands
from tests.support.stage import BotStage, button_ids, newest, open_stage

PAGE = (
    '<!doctype html><head><meta property="og:title" content="{title}"><meta property="og:site_name" '
    'content="The Paper"><meta property="og:description" content="It did.">{head}</head><p>Words.</p>'
)
WITHOUT_TITLE = "<!doctype html><head></head><p>Words.</p>"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    route_names(monkeypatch)
    with serve_feeds() as server:
        server.pages["/story"] = PAGE.format(title="The harbour opens", head="")
        yield server


def url_of(site: FeedServer, path: str) -> str:
    return f"http://paper.example:{site.server_address[1]}{path}"


@pytest.fixture
async def stage(tmp_path: Path, site: FeedServer) -> AsyncIterator[BotStage]:
    async with open_stage(tmp_path, fetch_private=f"paper.example:{site.server_address[1]}") as opened:
        yield opened


@pytest.fixture
def desk(stage: BotStage) -> Any:
    """A review channel, to be named before something comes."""
    return stage.private_channel("desk")


async def open_desk(stage: BotStage, desk: Any) -> None:
    await stage.admin.slash(stage.news, "desk channel", channel=desk)


async def submit(stage: BotStage, url: str, who: Any = None, **options: Any) -> Any:
    """Look a link up and submit it; gives the last answer."""
    who = who or stage.member
    preview = (await who.slash(stage.news, "submit", url=url, **options)).response
    return await who.click(preview, label="Publish" if who is stage.admin else "Submit")


async def deliver(stage: BotStage) -> None:
    stage.clock.advance(seconds=1)
    await stage.bot.pipeline.plan_and_deliver()


async def list_titles(stage: BotStage, command: str, who: Any) -> list[str | None]:
    return [embed.title for embed in (await who.slash(stage.news, command)).response.embeds]


async def test_from_a_members_link_to_the_desk_to_the_channel_and_to_the_member(
    stage: BotStage, site: FeedServer, desk: Any
) -> None:
    await stage.subscribe_channel()
    await open_desk(stage, desk)
    answer = await stage.member.slash(
        stage.news, "submit", url=url_of(site, "/story"), topics="Ships, Sea", comment="Worth it"
    )
    preview = answer.response
    assert "The moderators decide whether" in preview.content
    assert "“Worth it”" in preview.content
    (embed,) = preview.embeds
    assert (embed.title, embed.description, embed.author.name) == ("The harbour opens", "It did.", "The Paper")
    assert (embed.url, embed.footer.text) == (url_of(site, "/story"), "Ships · Sea")
    assert list(button_ids(preview)) == ["Submit", "Topics and comment…", "Cancel"]

    done = (await stage.member.click(preview, label="Submit")).response
    assert done.content == "Submitted. This server's moderators will decide."
    told = (await stage.member.click(done, label="Tell me")).response
    assert "I'll send you a direct message" in told.content
    assert not button_ids(told)
    await deliver(stage)
    assert stage.list_posts() == []
    (review,) = stage.list_posts(desk)
    assert f"Submitted by <@{stage.member.id}>: “Worth it”" in review.content
    queue = (await stage.admin.slash(stage.news, "desk queue")).response
    assert f"**1.** 📨 Submitted by <@{stage.member.id}>: “Worth it”" in queue.content

    await stage.admin.click(review, label="Publish")
    await deliver(stage)

    assert stage.list_titles() == ["The harbour opens"]
    (notice,) = stage.member.user.dm_channel.history()
    assert notice.content.startswith("✅ The link you submitted was published: [The harbour opens](")
    log = (await stage.admin.slash(stage.news, "desk log")).response
    assert f"submitted by <@{stage.member.id}>" in log.content
    (record,) = stage.list_posts(desk)
    assert f"<@{stage.member.id}>" in record.content


async def test_members_never_see_who_submitted(stage: BotStage, site: FeedServer) -> None:
    await stage.subscribe_channel()
    await submit(stage, url_of(site, "/story"), comment="A secret")
    await stage.admin.slash(stage.news, "desk publish", card="harbour")
    await deliver(stage)
    shown = [(await stage.member.slash(stage.news, command, **options)).response for command, options in
             (("latest", {}), ("search", {"query": "harbour"}), ("card", {"card": "harbour"}))]  # fmt: skip
    for message in (*shown, *stage.list_posts()):
        words = f"{message.content} {[embed.to_dict() for embed in message.embeds]}"
        assert "harbour" in words
        assert str(stage.member.id) not in words
        assert "secret" not in words


async def test_a_moderators_link_is_published_at_once_and_can_be_undone(stage: BotStage, site: FeedServer) -> None:
    await stage.subscribe_channel()
    stage.clock.advance(seconds=1)
    done = (await submit(stage, url_of(site, "/story"), stage.admin)).response
    assert "in this server. It will be posted" in done.content
    await deliver(stage)
    assert stage.list_titles() == ["The harbour opens"]
    undone = await stage.admin.click(done, label="Undo")
    assert "as it was before" in newest(undone).content
    await deliver(stage)
    assert stage.list_titles() == []
    assert await list_titles(stage, "desk queue", stage.admin) == ["The harbour opens"]


async def test_a_known_address_answers_with_its_card_and_nothing_is_fetched(stage: BotStage, site: FeedServer) -> None:
    await stage.load_cards("one", webUrl="https://paper.example/one")
    for form in (
        "https://paper.example/one",
        "paper.example/one/",
        "http://www.paper.example/one?utm_source=mail",
        "https://amp.paper.example/one/amp",
        "https://www.google.com/url?q=https%3A%2F%2Fpaper.example%2Fone",
        "https://paper-example.cdn.ampproject.org/c/s/paper.example/one",
    ):
        answer = (await stage.member.slash(stage.news, "submit", url=form)).response
        assert answer.content == "This link is already here.", form
        assert answer.embeds[0].title == "Title of one"
        assert "Save" in button_ids(answer)
    assert not site.answers
    assert "The queue is empty" in (await stage.admin.slash(stage.news, "desk queue")).response.content


@pytest.mark.slow
async def test_a_page_that_turns_out_to_be_a_known_one_answers_with_its_card(stage: BotStage, site: FeedServer) -> None:
    canonical = f'<link rel="canonical" href="{url_of(site, "/story")}">'
    site.pages["/story?ref=home"] = PAGE.format(title="The same", head=canonical)
    site.responses["/short"] = (302, b"", {"Location": "/story?ref=home"})
    await submit(stage, url_of(site, "/story"), stage.admin)

    for path in ("/story?ref=home", "/short"):
        answer = (await stage.member.slash(stage.news, "submit", url=url_of(site, path))).response
        assert answer.content == "This link is already here."
        assert answer.embeds[0].title == "The harbour opens"


@pytest.mark.slow
async def test_a_title_that_the_page_does_not_name_is_asked_for(stage: BotStage, site: FeedServer) -> None:
    site.pages["/bare"] = WITHOUT_TITLE
    question = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/bare"))).response
    assert question.content == "This page has no title. Enter one to submit it."
    assert list(button_ids(question)) == ["Add a title…", "Cancel"]

    form = await stage.member.click(question, label="Add a title…")
    fields = [label["component"]["custom_id"] for label in form.modal["components"]]
    preview = (
        await stage.member.submit_modal(form, dict(zip(fields, ("My *title*", "Ships", "Why not"), strict=True)))
    ).response
    assert preview.embeds[0].title == "My \\*title\\*"
    assert "“Why not”" in preview.content
    await stage.member.click(preview, label="Submit")

    assert await list_titles(stage, "desk queue", stage.admin) == ["My \\*title\\*"]


@pytest.mark.slow
@pytest.mark.parametrize("media", ["application/pdf", "image/png"])
async def test_trap_45_a_file_says_what_it_is_and_asks_for_a_title(
    stage: BotStage, site: FeedServer, media: str
) -> None:
    site.responses["/file"] = (200, b"%PDF-1.7 \x00\xff\xfe", {"Content_Type": media})
    answer = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/file"))).response
    assert answer.content.startswith("This is a file (")
    assert "Add a title…" in button_ids(answer)


LOGIN = b"<!doctype html><title>Log in</title><input type='password'>"


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ((403, b"", {}), "The site refuses bots. (403)"),
        ((404, b"", {}), "There is nothing at this address. (404)"),
        ((410, b"", {}), "The site says that this page is gone for good. (410)"),
        ((500, b"", {}), "The site has a server error. (500)"),
        ((200, LOGIN, {"Content_Type": "text/html"}), "This is a login page."),
        ((200, b"", {}), "The document is empty."),
        ((200, b"<!doctype html><title>" + b"x" * 5_000_001, {"Content_Type": "text/html"}), "larger than 5 MB"),
        ((302, b"", {"Location": "http://127.0.0.1/"}), "private network"),
    ],
)
async def test_trap_45_what_cannot_be_read_is_explained(
    stage: BotStage, site: FeedServer, response: tuple[int, bytes, dict[str, str]], words: str
) -> None:
    site.responses["/page"] = response
    answer = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/page"))).response
    assert words in answer.content
    assert not button_ids(answer)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("http://127.0.0.1/x", "private network"),
        ("http://10.0.0.1/", "private network"),
        ("http://[::1]/", "private network"),
        ("javascript:alert(1)", "This is not a whole web address"),
        ("ftp://paper.example/x", "This is not a whole web address"),
        ("https://ann:secret@paper.example/x", "I can't link to this address."),
        ("no address at all", "This site doesn't exist."),
    ],
)
async def test_trap_49_what_is_no_address_for_everybody_is_refused(stage: BotStage, typed: str, words: str) -> None:
    answer = (await stage.member.slash(stage.news, "submit", url=typed)).response
    assert words in answer.content
    assert "secret" not in answer.content


@pytest.mark.slow
async def test_a_member_may_submit_three_an_hour_also_across_a_restart(stage: BotStage, site: FeedServer) -> None:
    for number in range(4):
        site.pages[f"/{number}"] = PAGE.format(title=f"Story {number}", head="")
    for number in range(3):
        await submit(stage, url_of(site, f"/{number}"))
    await stage.restart_bot()
    before = sum(site.answers.values())
    late = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/3"))).response
    assert late.content == "You can submit 3 links an hour. Try again later."
    assert sum(site.answers.values()) == before
    assert "Published **" in (await submit(stage, url_of(site, "/3"), stage.admin)).response.content
    stage.clock.advance(hours=1)
    site.pages["/4"] = PAGE.format(title="Story 4", head="")
    assert "Submitted." in (await submit(stage, url_of(site, "/4"))).response.content


@pytest.mark.slow
async def test_previews_that_were_opened_before_do_not_get_around_the_limit(stage: BotStage, site: FeedServer) -> None:
    previews = []
    for number in range(4):
        site.pages[f"/{number}"] = PAGE.format(title=f"Story {number}", head="")
        answer = await stage.member.slash(stage.news, "submit", url=url_of(site, f"/{number}"))
        previews.append(answer.response)
    answers = [await stage.member.click(preview, label="Submit") for preview in previews]
    assert [answer.response.content for answer in answers[:3]] == [
        "Submitted. This server's moderators will decide."
    ] * 3
    assert "You can submit 3 links an hour." in newest(answers[3]).content


async def test_without_submissions_of_members_moderators_still_submit(tmp_path: Path, site: FeedServer) -> None:
    private = f"paper.example:{site.server_address[1]}"
    async with open_stage(tmp_path, fetch_private=private, submissions_per_hour=0) as stage:
        refused = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/story"))).response
        assert refused.content == "Only moderators can submit links here."
        assert "Published **" in (await submit(stage, url_of(site, "/story"), stage.admin)).response.content


@pytest.mark.slow
async def test_a_link_that_waits_is_not_submitted_twice_by_one_person(stage: BotStage, site: FeedServer) -> None:
    await submit(stage, url_of(site, "/story"))
    other = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/story"))).response
    assert "already waiting for the moderators" in other.content
    repeated = await stage.member.click(other, label="Submit")
    assert newest(repeated).content == "You already submitted this link. The moderators can see it."
    assert "**1** card is waiting" in (await stage.admin.slash(stage.news, "desk queue")).response.content


async def test_after_a_restart_a_preview_says_how_to_go_on(stage: BotStage, site: FeedServer) -> None:
    preview = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/story"))).response
    await stage.restart_bot()
    lost = (await stage.member.click(preview, label="Submit")).response
    assert lost.content == "This preview has expired. Submit the link again."
    assert "The queue is empty" in (await stage.admin.slash(stage.news, "desk queue")).response.content


async def test_cancelling_stores_nothing(stage: BotStage, site: FeedServer) -> None:
    preview = (await stage.member.slash(stage.news, "submit", url=url_of(site, "/story"))).response
    done = (await stage.member.click(preview, label="Cancel")).response
    assert (done.content, done.embeds, button_ids(done)) == ("Not submitted.", [], {})
    assert "The queue is empty" in (await stage.admin.slash(stage.news, "desk queue")).response.content


@pytest.mark.slow
async def test_a_link_that_was_decided_against_is_refused(stage: BotStage, site: FeedServer) -> None:
    done = (await submit(stage, url_of(site, "/story"))).response
    await stage.member.click(done, label="Tell me")
    await stage.admin.slash(stage.news, "desk withdraw", card="harbour", reason="an advertisement")
    await deliver(stage)
    (notice,) = stage.member.user.dm_channel.history()
    assert notice.content.startswith(
        "🚫 The moderators decided not to publish the link you submitted: [The harbour opens]("
    )
    assert "advertisement" not in notice.content
    for who in (stage.member, stage.admin):
        answer = (await who.slash(stage.news, "submit", url=url_of(site, "/story"))).response
        assert answer.content == "This link was withdrawn here, so it can't be submitted."


@pytest.mark.slow
async def test_closed_direct_messages_are_tried_once_and_a_failure_again(stage: BotStage, site: FeedServer) -> None:
    for path in ("/story", "/other"):
        site.pages[path] = PAGE.format(title=f"At {path[1:]}", head="")
        done = (await submit(stage, url_of(site, path))).response
        await stage.member.click(done, label="Tell me")
    where = f"/channels/{stage.member.user.dm_channel.id}/messages"
    stage.env.inject_error("POST", where, status=403, code=50007, message="Cannot send messages to this user", times=1)
    await stage.admin.slash(stage.news, "desk publish", card="At story")
    for _ in range(2):
        await deliver(stage)
    assert list(stage.member.user.dm_channel.history()) == []

    stage.env.inject_error("POST", where, status=400, code=40004, message="Send messages has been disabled", times=1)
    await stage.admin.slash(stage.news, "desk publish", card="At other")
    for _ in range(3):
        await deliver(stage)
    assert len(list(stage.member.user.dm_channel.history())) == 1


async def test_nobody_else_is_told_of_a_link(stage: BotStage, site: FeedServer) -> None:
    done = (await submit(stage, url_of(site, "/story"))).response
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Tell me", custom_id=button_ids(done)["Tell me"]))
    view.stop()
    channel = stage.bot.get_channel(stage.news.id)
    assert isinstance(channel, discord.TextChannel)
    forged = await stage.admin.click(await channel.send("forged", view=view), label="Tell me")
    assert "You haven't submitted that link here." in newest(forged).content


async def test_the_menu_of_a_message_takes_its_link_or_lets_one_be_chosen(stage: BotStage, site: FeedServer) -> None:
    one = await stage.admin.send(stage.news, f"Look: ({url_of(site, '/story')})!")
    preview = (await stage.member.context_menu(stage.news, "Submit this link", one)).response
    assert preview.embeds[0].title == "The harbour opens"

    site.pages["/other"] = PAGE.format(title="Another", head="")
    several = await stage.admin.send(stage.news, f"{url_of(site, '/story')} and <{url_of(site, '/other')}>")
    choice = (await stage.member.context_menu(stage.news, "Submit this link", several)).response
    assert choice.content == "This message has several links. Which one?"
    chosen = (await stage.member.select(choice, ["1"])).response
    assert chosen.embeds[0].title == "Another"
    done = (await stage.member.click(chosen, label="Submit")).response
    assert "Submitted." in done.content

    none = await stage.admin.send(stage.news, "no link, and http://127.0.0.1/x is none")
    answer = (await stage.member.context_menu(stage.news, "Submit this link", none)).response
    assert answer.content == "That message has no links."


async def test_a_title_of_oembed_wins_and_its_failure_is_no_matter(stage: BotStage, site: FeedServer) -> None:
    oembed = '<link rel="alternate" type="application/json+oembed" href="/oembed?{}">'
    for name in ("works", "fails"):
        site.pages[f"/{name}"] = PAGE.format(title=f"Page that {name}", head=oembed.format(name))
    body = json.dumps({"type": "video", "title": "A film", "provider_name": "Films"}).encode()
    site.responses["/oembed?works"] = (200, body, {"Content_Type": "application/json"})
    titles = []
    for name in ("works", "fails"):
        answer = await stage.member.slash(stage.news, "submit", url=url_of(site, f"/{name}"))
        titles.append(answer.response.embeds[0].title)
    assert titles == ["▶ A film", "Page that fails"]


@pytest.mark.slow
async def test_another_server_sees_nothing_of_it(stage: BotStage, site: FeedServer) -> None:
    await submit(stage, url_of(site, "/story"), stage.admin)
    other = stage.env.create_guild("Other")
    place = other.create_text_channel("elsewhere")
    stranger = other.add_member(stage.env.create_user("stranger"))
    latest = (await stranger.slash(place, "latest")).response
    assert latest is not None
    assert latest.embeds == []
    preview = (await stranger.slash(place, "submit", url=url_of(site, "/story"))).response
    assert preview is not None
    assert "The moderators decide whether" in preview.content


@pytest.mark.slow
async def test_the_status_counts_links(stage: BotStage, site: FeedServer) -> None:
    stage.bot.owner_id = stage.admin.id
    await open_commands(stage)
    await submit(stage, url_of(site, "/story"))
    fields = (await stage.admin.slash(stage.news, "status")).response.embeds[0].fields
    assert [field.value for field in fields if field.name == "Links"] == ["1 submitted in the last 7 days"]


@pytest.mark.slow
async def test_erasing_forgets_who_submitted(stage: BotStage, site: FeedServer, desk: Any) -> None:
    await open_desk(stage, desk)
    await submit(stage, url_of(site, "/story"), comment="Mine")
    await deliver(stage)
    export = stage.file_of(await stage.member.slash(stage.news, "privacy export"))
    assert json.loads(export)["submissions"][0]["comment"] == "Mine"
    warning = (await stage.member.slash(stage.news, "privacy erase")).response
    assert "1 submitted link" in warning.content
    await stage.member.click(warning, label="Erase it")
    await deliver(stage)
    (review,) = stage.list_posts(desk)
    assert "Submitted" not in review.content
    assert review.embeds[0].title == "The harbour opens"
