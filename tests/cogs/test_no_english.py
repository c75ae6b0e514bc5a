"""Everything that the bot says in another language was given to be translated: all of it is said once, in one.

The catalogue of the test puts into brackets what it translates, and its cards are Greek: a Latin word that stands
outside was written past the catalogues.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from discord import AppCommandType, app_commands

from bot.gateway.client import NewsBot
from bot.gateway.failures import Answering, AnsweringModal, AnsweringView
from bot.language import day_of_year, joined, own_name, short_day, speaking, weekdays
from tests.support.bracketed import Bracketed, unbracketed
from tests.support.play import (
    CHAOS,
    COSMOS,
    GONE,
    LETHE,
    Play,
    Step,
    admins_dm,
    alone,
    complete,
    desk,
    digest,
    everyone,
    failing,
    fill,
    forged,
    forget_drafts,
    forum,
    load,
    locked,
    look,
    member,
    members_dm,
    menu,
    mine,
    moderators,
    news,
    open_commands,
    press,
    refuse,
    role,
    silent,
    slash,
    strand,
    subscribed,
    wait,
    warn,
    write_back,
)
from tests.support.scrape import samples
from tests.support.stage import on_stage

LANGUAGE = "de"
HELD = {"published": "false", "heat": "10"}


def _covered(*addresses: str) -> str:
    stories = [f'{{webUrl: "{address}", title: Άλλη, provider: {{name: Άλλος}}}}' for address in addresses]
    return f"[{', '.join(stories)}]"


SCENES: dict[str, tuple[Step, ...]] = {
    "an empty archive": (
        slash("latest"),
        slash("search", query="ξένος"),
        slash("topics"),
        slash("trends"),
        slash("trends", topic=CHAOS),
        slash("catchup"),
        slash("card", card="ξένος"),
        slash("saved list"),
        slash("saved export"),
        slash("privacy export"),
        slash("privacy erase"),
    ),
    "reading": (
        load("α", "β", "γ", "δ", "ε", "ζ", heat="200"),
        load("η", related=_covered("https://example.net/x"), type="video"),
        load("θ", topics=f"[{LETHE}]", publishedDateTime="2026-05-20T10:00:00Z"),
        slash("latest"),
        press("nd:turn"),
        press("nd:turn"),
        press("nd:show"),
        slash("latest", topic=CHAOS),
        slash("search", query="τίτλος"),
        slash("search", query="τίτλος", order="best", since="30 days"),
        press("nd:turn"),
        slash("search", query="τίτλος", kind="video", until="today"),
        slash("search", query="τίτλος", topic=CHAOS),
        slash("search", query="Τίτλοσ ξένος"),
        slash("search", query="τιτλς"),
        press("nd:turn"),
        slash("search", query="τίτλος", since="ποτέ"),
        slash("search", query="τίτλος", until="ποτέ"),
        slash("search", query="τίτλος", since="today", until="30 days"),
        slash("topics"),
        slash("trends"),
        slash("trends", topic=COSMOS, days=90),
        slash("catchup"),
        slash("catchup"),
        slash("card", card="τίτλος"),
        slash("card", card="η"),
        complete("latest", "topic"),
        complete("search", "since"),
        complete("search", "provider"),
        complete("card", "card", "τίτλος"),
        slash("help"),
        slash("help", who="member"),
        menu("λόγια"),
        menu("https://elsewhere.example/x"),
        menu("https://elsewhere.example/x https://elsewhere.example/y"),
        menu("https://example.org/η https://example.org/α"),
    ),
    "the buttons of a card": (
        slash("card", card="η"),
        press("nd:save"),
        press("nd:save"),
        press("nd:related"),
        press("nd:flag"),
        fill("χαλασμένο"),
        slash("card", card="η"),
        press("nd:flag"),
        fill("χαλασμένο"),
        press("nd:topic"),
    ),
    "what is a member's own": (
        slash("saved list"),
        slash("saved export"),
        slash("saved export", form="csv"),
        press("nd:forget"),
        press("nd:forget"),
        slash("following"),
        slash("unfollow", topic=COSMOS),
        slash("follow", topic=" "),
        slash("follow", topic=COSMOS, at="25:00"),
        slash("follow", topic=COSMOS, timezone="Mars/Base"),
        slash("follow", topic=COSMOS, timezone="UTC+2"),
        slash("follow", topic=COSMOS, at="13:00", timezone="Europe/Berlin"),
        slash("follow", topic=COSMOS),
        slash("follow", topic=CHAOS),
        slash("following"),
        slash("unfollow", topic=LETHE),
        slash("unfollow", topic=CHAOS),
        complete("unfollow", "topic"),
        complete("follow", "timezone", "ber"),
    ),
    "a digest of one's own": (
        refuse(members_dm, 50007),
        slash("follow", "member", topic=COSMOS),
        slash("follow", "member", topic=COSMOS),
        refuse(members_dm, 50007),
        wait(days=1),
        slash("latest", "member"),
        slash("following", "member"),
        slash("unfollow", "member", topic=COSMOS),
        look(admins_dm),
        press("nd:keep", dm=True),
        press("nd:why", dm=True),
        press("nd:stop", dm=True),
        press("nd:stop", dm=True),
        alone("card", card="η"),
        press("nd:flag", dm=True),
        alone("help"),
    ),
    "subscriptions": (
        slash("digest list"),
        slash("digest subscribe", channel=news),
        slash("digest subscribe", channel=news),
        slash("digest subscribe", channel=digest, when="daily", at="14:00", layout="list", on_withdrawal="mark"),
        slash(
            "digest subscribe", channel=digest, when="hourly", at="0:15", on="mon-fri", topics=CHAOS, skip_empty=False
        ),
        slash(
            "digest subscribe",
            channel=digest,
            when="weekly",
            mention=role,
            without=CHAOS,
            on_withdrawal="keep",
            min_quality=20,
            skip_empty=False,
            language=LANGUAGE,
        ),
        slash("digest subscribe", channel=digest, when="weekdays", topics=COSMOS, mention=role),
        slash("digest subscribe", channel=digest, crosspost=True),
        slash("digest subscribe", channel=digest, mention=everyone),
        slash("digest subscribe", channel=silent, mention=moderators),
        slash("digest subscribe", channel=locked),
        slash("digest subscribe", channel=digest, at="ποτέ"),
        slash(
            "digest subscribe",
            channel=digest,
            at=", ".join(f"{hour}:{half}" for hour in range(24) for half in (10, 40)),
        ),
        slash("digest subscribe", channel=digest, on="ποτέ"),
        slash("digest subscribe", channel=digest, timezone="Europe/Berlim"),
        slash("digest subscribe", channel=digest, topics=COSMOS, without=COSMOS),
        slash("digest subscribe", channel=digest, topics=", ".join(map(str, range(30)))),
        slash("digest subscribe", channel=digest, when="instant", at="9:00"),
        slash("digest subscribe", channel=digest, when="weekdays", on="sat"),
        slash("digest subscribe", channel=digest, when="weekly", on="sat, sun"),
        slash("digest list"),
        slash("digest check"),
        complete("digest edit", "subscription"),
        complete("digest edit", "topics"),
        complete("digest edit", "timezone"),
        slash("digest edit", subscription=mine(0)),
        slash("digest edit", subscription=mine(1), topics=COSMOS),
        slash("digest edit", subscription="404", topics=COSMOS),
        slash("digest resume", subscription=mine(1)),
        slash("digest pause", subscription=mine(1)),
        slash("digest pause", subscription=mine(1)),
        slash("digest list"),
        complete("digest edit", "subscription"),
        slash("digest why", subscription=mine(1), card="α"),
        slash("digest resume", subscription=mine(1)),
        *(slash("digest preview", subscription=mine(number)) for number in range(5)),
        *(slash("digest why", subscription=mine(number), card="α") for number in range(5)),
        slash("digest now", subscription=mine(0)),
        slash("digest now", subscription=mine(1)),
        slash("digest whatif"),
        slash("digest whatif", when="daily", at="11:00", topics=COSMOS, min_quality=20),
        slash("digest whatif", when="hourly"),
        slash("digest whatif", when="hourly", on="mon"),
        slash("digest whatif", when="hourly", at="0:30"),
        slash("digest whatif", topics=CHAOS),
    ),
    "posts and digests": (
        slash("digest subscribe", channel=forum, topics=COSMOS),
        slash("digest subscribe", channel=forum, when="daily", at="14:00", topics=LETHE),
        load("κ", related=_covered(*(f"https://example.net/{place}" for place in range(9)))),
        look(news),
        press("nd:save"),
        press("nd:related"),
        wait(days=1),
        wait(days=7),
        load("λ", "μ", publishedDateTime="2026-06-09T11:00:00Z"),
        load("ψ", topics=f"[{LETHE}]", publishedDateTime="2026-06-10T11:00:00Z"),
        slash("digest preview", subscription=mine(1)),
        slash("digest preview", subscription=mine(0)),
        slash("digest now", subscription=mine(1)),
        wait(seconds=1),
        slash("digest why", subscription=mine(1), card="λ"),
        slash("digest why", subscription=mine(0), card="λ"),
        look(digest),
        press("nd:keep"),
        press("nd:keep"),
        press("nd:why"),
        slash("desk withdraw", card="λ", reason="λάθος"),
        load("μ", removed="true"),
        slash("desk undo", card="λ"),
        wait(seconds=1),
    ),
    "a digest of several messages": (
        slash("digest subscribe", channel=digest, when="daily", at="13:00", topics=LETHE, max_cards=25),
        *(load(f"χ{place}", topics=f"[{LETHE}]", provider=f"{{name: Πηγή {place}}}") for place in range(12)),
        slash("digest preview", subscription=mine(7)),
        slash("digest now", subscription=mine(7)),
        wait(seconds=1),
    ),
    "quiet hours": (
        slash("digest quiet", channel=news),
        slash("digest quiet", channel=news, **{"from": "22:00"}),
        slash("digest quiet", channel=news, **{"from": "22:00", "to": "22:00"}),
        slash("digest quiet", channel=news, **{"from": "22:00, 23:00", "to": "7:00"}),
        slash("digest quiet", channel=digest, **{"from": "22:00", "to": "7:00"}, heat=500),
        slash("digest quiet", channel=news, **{"from": "10:00", "to": "13:00"}),
        slash("digest list"),
        load("ν", "ξ", publishedDateTime="2026-06-09T11:30:00Z"),
        wait(hours=2),
        slash("digest quiet", channel=news),
    ),
    "a closed channel": (
        refuse(news, 50013, times=2),
        load("ο", "π", "ρ", "σ", "τ", "υ", publishedDateTime="2026-06-09T13:00:00Z"),
        slash("digest check"),
        slash("status"),
        wait(hours=2),
        wait(hours=2),
        strand(locked, GONE),
        load("φ", publishedDateTime="2026-06-09T17:00:00Z"),
        slash("digest check"),
        complete("digest remove", "subscription"),
        wait(hours=5),
    ),
    "setting up": (
        slash("digest setup"),
        press(":preview"),
        press(":channel", locked),
        press(":when", "instant"),
        press(":more"),
        fill(CHAOS, "ποτέ"),
        press(":preview"),
        press(":when", "weekly"),
        press(":channel", digest),
        press(":topics", COSMOS),
        press(":layout", "list"),
        press(":more"),
        fill("9:00", "sat", "Europe/Berlin", CHAOS, "30"),
        press(":more"),
        fill("9:00", "sat", "Europe/Berlin", COSMOS, "30"),
        press(":preview"),
        press(":subscribe"),
        slash("digest setup"),
        forget_drafts,
        press(":preview"),
    ),
    "the desk": (
        slash("desk queue"),
        slash("desk queue", topic=CHAOS),
        slash("desk log", who="admin", by=member),
        slash("desk channel", channel=news),
        slash("digest subscribe", channel=subscribed),
        slash("desk channel", channel=subscribed),
        slash("desk channel", channel=desk),
        slash("digest subscribe", channel=desk),
        load("αα", "ββ", "γγ", "δδ", "εε", "ζζ", "ηη", **HELD),
        load("ω", related=_covered("https://example.org/θθ")),
        load("θθ", published="false", heat="-1"),
        look(desk),
        press("nd:review:y"),
        load("ιι", published="false", heat=""),
        slash("desk queue"),
        press("nd:turn"),
        press("nd:turn"),
        look(desk),
        press("nd:review:y"),
        press("nd:review:t"),
        fill(f"{COSMOS}, {CHAOS}"),
        look(desk),
        press("nd:review:t"),
        fill(", ".join(map(str, range(11)))),
        look(desk),
        press("nd:review:i"),
        press("nd:pick"),
        look(desk),
        press("nd:undo"),
        look(desk),
        press("nd:review:w"),
        fill("διπλό"),
        press("nd:undo"),
        slash("desk publish", card="αα", reason="άξιο"),
        slash("desk publish", card="αα"),
        forged("nd:review:w:{}:-:0", card="αα"),
        fill("διπλό"),
        forged("nd:review:y:{}:p:0", card="αα"),
        forged("nd:review:t:{}:p:0", card="αα"),
        fill(CHAOS),
        forged("nd:review:t:{}:p:0", card="αα"),
        fill(""),
        slash("desk withdraw", card="αα"),
        fill("διπλό"),
        slash("desk withdraw", card="αα", reason=""),
        slash("desk undo", card="αα"),
        slash("desk undo", card="φ"),
        slash("desk publish", card="ββ", scope="everywhere"),
        slash("desk publish", card="ββ", scope="everywhere"),
        forged("nd:review:y:{}:-:0", card="ββ"),
        slash("desk withdraw", card="ββ", scope="everywhere", reason="διπλό"),
        forged("nd:review:y:{}:-:0", card="ββ"),
        slash("desk publish", card="ββ"),
        slash("desk undo", card="ββ", scope="everywhere"),
        slash("desk undo", card="φ", scope="everywhere"),
        slash("desk publish", card="μ"),
        forged("nd:review:y:{}:-:0", card="μ"),
        slash("desk queue"),
        press("nd:queue:p"),
        press("nd:queue:w"),
        slash("desk log"),
        press("nd:turn"),
        press("nd:turn"),
        slash("desk log", card="λ"),
        slash("desk log", said="file"),
        slash("desk log", card="ββ"),
        complete("desk publish", "card"),
        slash("card", "member", card="φ"),
        press("nd:flag", who="member"),
        fill("σπασμένο", who="member"),
        wait(seconds=1),
        look(desk),
        press("nd:review:k"),
        slash("desk channel"),
    ),
    "what breaks": (
        failing("trends.topics", slash("topics")),
        failing("saved.save", forged("nd:save:{}:0", card="α")),
    ),
    "who may not": (
        slash("desk queue", "member"),
        slash("desk publish", "member", card="γγ"),
        slash("desk publish", "member", card="γγ", scope="everywhere"),
        slash("digest subscribe", "member", channel=news),
        slash("digest remove", "member", subscription=mine(0)),
        slash("status", "member"),
        forged("nd:erase:1"),
        forged("nd:related:{}", card="θ"),
        forged("nd:review:p:1:-:1", "member"),
        forged("nd:review:p:999:-:1"),
        forged("nd:accept", "member"),
        forged("nd:save:999:0"),
        forged("nd:show:3e7"),
        forged("nd:undo:999"),
        forged("nd:turn:000000000000:p0"),
        slash("digest remove", subscription=mine(0)),
    ),
    "what is for the operators": (
        slash("status"),
        warn(LANGUAGE),
        slash("status"),
        look(admins_dm),
        press("nd:accept", dm=True),
        write_back,
        slash("desk publish", card="γγ"),
        slash("privacy export"),
        slash("privacy erase"),
        press("nd:erase"),
        slash("privacy erase"),
    ),
}


async def test_no_english_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(tmp_path, server_locale=LANGUAGE) as stage:
        stage.locales |= {stage.admin.id: LANGUAGE, stage.member.id: LANGUAGE}
        stage.bot.owner_id = stage.admin.id
        await open_commands(stage)
        play, known = Play(stage), _of_babel() | {stage.env.backend.guilds[stage.guild.id].name}
        monkeypatch.setattr("bot.language.catalogue", lambda _language: Bracketed())
        english = []
        for scene, steps in SCENES.items():
            for number, step in enumerate(steps, start=1):
                await step(play)
                said = play.listen()
                english += [f"{scene}, step {number}: {text}" for text in said if set(unbracketed(text)) - known]

        assert not english
        assert not set(_everything(stage.bot)) - set(_driven(stage.bot))


def _of_babel() -> set[str]:
    """Days, months and what joins words, which Babel has in the language."""
    with speaking(LANGUAGE):
        months = [form(date(2026, month, 1)) for month in range(1, 13) for form in (day_of_year, short_day)]
        said = [*weekdays(), *months, joined("12"), joined("12", "or"), own_name(LANGUAGE)]
    return {word for text in said for word in unbracketed(text)}


def _everything(bot: NewsBot) -> Iterator[str]:
    """What people can use, by the names under which it is counted."""
    for command in (*bot.tree.walk_commands(), *bot.tree.walk_commands(type=AppCommandType.message)):
        if not isinstance(command, app_commands.Group):
            yield command.qualified_name
    for base in (Answering, AnsweringModal, AnsweringView):
        ours = (each.__name__ for each in base.__subclasses__() if each.__module__.startswith("bot."))
        yield from (name for name in ours if not name.startswith("_"))  # the parts of a view count as the view


def _driven(bot: NewsBot) -> Iterator[str]:
    for name, count in samples(bot.metrics.text().decode()).items():
        if count and (found := re.fullmatch(r'newsdesk_interaction_seconds_count{kind="\w+",name="(.+)"}', name)):
            yield found[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("⟦Saved. `/saved list` shows all.⟧ <@1> <t:1:R> **⟦Topics⟧** Κόσμος", []),
        ("⟦Saved.⟧ Look at https://example.org/look", ["Look", "at"]),
        ("⟦You need ⟧manage_messages⟦ for this.⟧", ["manage", "messages"]),
        ("⟦a text that was cut, and has lost its e…", []),
        ("⟦Saved ⟧{count}⟦ cards.⟧", ["count", "{count}"]),
    ],
)
def test_what_was_not_given_to_be_translated_is_found(text: str, found: list[str]) -> None:
    assert unbracketed(text) == found
