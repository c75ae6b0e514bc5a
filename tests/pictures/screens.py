"""The screens, and how a visitor of the demo gets to each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.demo.feed_site import ADDRESS, PAGE_ADDRESS
from tests.demo.visitor import FRAME, Visitor

Walk = Callable[[Visitor], Awaitable[None]]
ADMIN, MEMBER = "Ada", "Max"
FORM = ".modal-dialog"


@dataclass(frozen=True)
class Screen:
    """What to show. Its picture is of the last `messages` messages, or of a `part` of the page."""

    name: str
    walk: Walk
    channel: str = "news"
    people: tuple[str, ...] = (ADMIN,)
    messages: int = 1
    part: str = ""
    document: str = ""
    """The picture in docs/ that it is, if one."""
    german: str = ""
    """The same of its German version."""
    needed: bool = False
    """Whether screens after it build on it."""


def _command(command: str, **options: str) -> Walk:
    async def walk(visitor: Visitor) -> None:
        await visitor.run_command(command, **options)

    return walk


def _command_about(command: str, option: str, typed: str) -> Walk:
    """Run a command about the first thing that is suggested."""

    async def walk(visitor: Visitor) -> None:
        await visitor.type_command(command)
        await visitor.choose_option(option, typed)
        await visitor.send_and_wait()

    return walk


def _button(label: str) -> Walk:
    async def walk(visitor: Visitor) -> None:
        await visitor.click(label)
        await visitor.wait_ready()

    return walk


def _form(label: str) -> Walk:
    """Open the form behind a button; the next screen closes it."""

    async def walk(visitor: Visitor) -> None:
        await visitor.click(label)
        await visitor.page.wait_until(f"{FRAME}.querySelector('{FORM}')")
        await visitor.wait_ready()

    return walk


async def _look(_visitor: Visitor) -> None:
    """See what is there already."""


async def _follow_feed(visitor: Visitor) -> None:
    await visitor.click("Follow this feed")
    await visitor.read_post("School orchestra plays on the pier")
    await visitor.wait_ready()


async def _submit_link(visitor: Visitor) -> None:
    """Submit a link as a member, so that it is held."""
    await visitor.show_channel("news")
    await visitor.become(MEMBER)
    await visitor.run_command("submit", url=PAGE_ADDRESS)
    await visitor.click("Submit")
    await visitor.wait_ready()
    await visitor.become(ADMIN)
    await visitor.show_channel("desk")
    await visitor.read("Regatta")


async def _open_edit_form(visitor: Visitor) -> None:
    await visitor.click("Edit")
    await _form("Edit…")(visitor)


async def _publish_edited(visitor: Visitor) -> None:
    await visitor.click("Publish")
    await visitor.wait_ready()


BOTH = (ADMIN, MEMBER)
SCREENS = (
    Screen("card", _look, people=BOTH),
    Screen("digest", _look, channel="digest", people=BOTH, document="digest"),
    Screen("why", _button("Why these?"), channel="digest", people=BOTH),
    Screen("headlines", _look, channel="headlines", document="headlines"),
    Screen("desk", _look, channel="desk", messages=2, document="desk"),
    Screen("catchup", _command("catchup"), people=BOTH),
    Screen("help", _command("help"), people=BOTH),
    Screen("latest", _command("latest"), people=BOTH),
    Screen("search", _command("search", query="black hole"), people=BOTH, german="german"),
    Screen("search-misspelt", _command("search", query="astronmy")),
    Screen("search-nothing", _command("search", query="xyzzy")),
    Screen("topics", _command("topics"), people=BOTH),
    Screen("trends", _command("trends"), people=BOTH),
    Screen("catchup-nothing", _command("catchup"), people=BOTH),
    Screen("saved-empty", _command("saved list"), people=BOTH),
    Screen("save", _button("Save"), people=BOTH),
    Screen("saved", _command("saved list"), people=BOTH),
    Screen("more", _button("More…"), people=BOTH),
    Screen("report", _form("Report"), people=BOTH, part=FORM),
    Screen("follow", _command_about("follow", "topic", "Space"), people=BOTH),
    Screen("following", _command("following"), people=BOTH),
    Screen("unfollow", _command_about("unfollow", "topic", "Space"), people=BOTH),
    Screen("privacy-erase", _command("privacy erase"), people=BOTH),
    Screen("submit", _command("submit", url=PAGE_ADDRESS), people=BOTH),
    Screen("digest-setup", _command("digest setup"), document="setup"),
    Screen("digest-times", _form("Times, posts…"), part=FORM),
    Screen("digest-list", _command("digest list")),
    Screen("digest-check", _command("digest check")),
    Screen("digest-preview", _command_about("digest preview", "subscription", "dig")),
    Screen("digest-whatif", _command("digest whatif"), document="whatif"),
    Screen("digest-pause", _command_about("digest pause", "subscription", "dig")),
    Screen("digest-resume", _command_about("digest resume", "subscription", "dig")),
    Screen("feed-list-empty", _command("feed list")),
    Screen("feed-add", _command("feed add", url=ADDRESS, policy="publish", newest="1"), document="feed"),
    Screen("feed-followed", _follow_feed, messages=2),
    Screen("feed-list", _command("feed list")),
    Screen("feed-check", _command_about("feed check", "feed", "harbour")),
    Screen("desk-queue", _command("desk queue"), channel="desk"),
    Screen("desk-submitted", _submit_link, channel="desk", needed=True),
    Screen("desk-form", _open_edit_form, channel="desk", part=FORM, document="edit"),
    Screen("desk-published", _publish_edited, channel="desk", messages=2, needed=True),
    Screen("desk-log", _command("desk log"), channel="desk", document="log"),
    Screen("status", _command("status")),
)
