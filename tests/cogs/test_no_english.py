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

from bot.client.bot import NewsBot
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal, ErrorReportingView
from bot.i18n import format_day_of_year, format_list, format_short_date, language_name, override_language, weekday_names
from tests.sources.feeds.documents import rss, rss_item
from tests.support.bracketed import BracketedTranslations, find_unbracketed
from tests.support.feed_server import route_names, serve_feeds
from tests.support.play import (
    CHAOS,
    COSMOS,
    GONE,
    LETHE,
    ScriptedSession,
    Step,
    admins_dm,
    advance_clock,
    complete_option,
    desk,
    digest,
    everyone,
    fill_form,
    forget_drafts,
    forum,
    load_cards,
    locked,
    member,
    members_dm,
    moderators,
    news,
    open_commands,
    own_subscription,
    post_greeting,
    press_forged,
    press_item,
    refuse_messages,
    role,
    run_in_dm,
    run_menu,
    run_slash,
    send_card,
    silent,
    site_page,
    strand_subscriptions,
    subscribed,
    view_newest,
    warn_owners,
    with_failing_query,
    write_back,
)
from tests.support.scrape import parse_samples
from tests.support.stage import open_stage

LANGUAGE = "de"
HELD = {"published": "false", "heat": "10"}


def _pattern_for(*addresses: str) -> str:
    stories = [f'{{webUrl: "{address}", title: Άλλη, provider: {{name: Άλλος}}}}' for address in addresses]
    return f"[{', '.join(stories)}]"


FEED = rss(rss_item(title="Τίτλος"), head="<title>Εφημερίδα</title>")
LINKS = "".join(
    f'<link rel="alternate" type="application/rss+xml" title="{title}" href="{path}">'
    for title, path in (("Μία", "/other"), ("Δύο", "/feed"))
)
OPML = """<opml version="2.0"><body><outline type="rss" text="Άλλη" xmlUrl="https://127.0.0.2/"/></body></opml>"""


SUBMIT = "Submit this link"
STORY = '<!doctype html><meta property="og:title" content="{}"><meta property="og:site_name" content="Εφημερίδα">'
LOGIN = "<!doctype html><title>Log in</title><input type=password>"

SCENES: dict[str, tuple[Step, ...]] = {
    "an empty archive": (
        run_slash("latest"),
        run_slash("search", query="ξένος"),
        run_slash("topics"),
        run_slash("trends"),
        run_slash("trends", topic=CHAOS),
        run_slash("catchup"),
        run_slash("card", card="ξένος"),
        run_slash("saved list"),
        run_slash("saved export"),
        run_slash("privacy export"),
        run_slash("privacy erase"),
    ),
    "a story of two publishers": (
        load_cards("ρ1", title="Κομήτης πλησιάζει απόψε", provider="{name: Άλφα}", webUrl="https://a.example/k"),
        load_cards("ρ2", title="Κομήτης πλησιάζει απόψε", provider="{name: Βήτα}", webUrl="https://b.example/k"),
        load_cards("ρ3"),
        run_slash("latest"),
        press_item("nd:story"),
        press_item("nd:split"),
        press_item("nd:undo"),
        run_slash("desk split", card="ρ2"),
        run_slash("card", card="ρ1"),
        press_item("nd:more"),
        press_item("nd:related"),
        press_item("nd:join"),
        press_item("nd:undo"),
        run_slash("latest", every_card=True),
        run_slash("search", query="κομήτης"),
    ),
    "reading": (
        load_cards("α", "β", "γ", "δ", "ε", "ζ", heat="200"),
        load_cards("η", related=_pattern_for("https://example.net/x"), type="video"),
        load_cards("θ", topics=f"[{LETHE}]", publishedDateTime="2026-05-20T10:00:00Z"),
        run_slash("latest"),
        press_item("nd:turn"),
        press_item("nd:turn"),
        press_item("nd:show"),
        run_slash("latest", topic=CHAOS),
        run_slash("search", query="τίτλος"),
        run_slash("search", query="τίτλος", order="best", since="30 days"),
        press_item("nd:turn"),
        run_slash("search", query="τίτλος", kind="video", until="today"),
        run_slash("search", query="τίτλος", topic=CHAOS),
        run_slash("search", query="Τίτλοσ ξένος"),
        run_slash("search", query="τιτλς"),
        press_item("nd:turn"),
        run_slash("search", query="τίτλος", since="ποτέ"),
        run_slash("search", query="τίτλος", until="ποτέ"),
        run_slash("search", query="τίτλος", since="today", until="30 days"),
        run_slash("topics"),
        run_slash("trends"),
        run_slash("trends", topic=COSMOS, days=90),
        run_slash("catchup"),
        run_slash("catchup"),
        run_slash("card", card="τίτλος"),
        run_slash("card", card="η"),
        complete_option("latest", "topic"),
        complete_option("search", "since"),
        complete_option("search", "provider"),
        complete_option("card", "card", "τίτλος"),
        run_slash("help"),
        run_slash("help", who="member"),
        run_menu("λόγια"),
        run_menu("https://elsewhere.example/x"),
        run_menu("https://elsewhere.example/x https://elsewhere.example/y"),
        run_menu("https://example.org/η https://example.org/α"),
    ),
    "the buttons of a card": (
        run_slash("card", card="η"),
        press_item("nd:save"),
        press_item("nd:save"),
        press_item("nd:more"),
        press_item("nd:related"),
        press_item("nd:flag"),
        fill_form("χαλασμένο"),
        run_slash("card", card="η"),
        press_item("nd:more"),
        press_item("nd:flag"),
        fill_form("χαλασμένο"),
        press_item("nd:topic"),
    ),
    "what is a member's own": (
        run_slash("saved list"),
        run_slash("saved export"),
        run_slash("saved export", form="csv"),
        press_item("nd:forget"),
        press_item("nd:forget"),
        run_slash("following"),
        run_slash("unfollow", topic=COSMOS),
        run_slash("follow", topic=" "),
        run_slash("follow", topic=COSMOS, at="25:00"),
        run_slash("follow", topic=COSMOS, timezone="Mars/Base"),
        run_slash("follow", topic=COSMOS, timezone="UTC+2"),
        run_slash("follow", topic=COSMOS, at="13:00", timezone="Europe/Berlin"),
        run_slash("follow", topic=COSMOS),
        run_slash("follow", topic=CHAOS),
        run_slash("following"),
        run_slash("unfollow", topic=LETHE),
        run_slash("unfollow", topic=CHAOS),
        complete_option("unfollow", "topic"),
        complete_option("follow", "timezone", "ber"),
    ),
    "a digest of one's own": (
        refuse_messages(members_dm, 50007),
        run_slash("follow", "member", topic=COSMOS),
        run_slash("follow", "member", topic=COSMOS),
        refuse_messages(members_dm, 50007),
        advance_clock(days=1),
        run_slash("latest", "member"),
        run_slash("following", "member"),
        run_slash("unfollow", "member", topic=COSMOS),
        view_newest(admins_dm),
        press_item("nd:keep", dm=True),
        press_item("nd:why", dm=True),
        press_item("nd:stop", dm=True),
        press_item("nd:stop", dm=True),
        run_in_dm("card", card="η"),
        press_item("nd:more", dm=True),
        run_in_dm("help"),
    ),
    "subscriptions": (
        run_slash("digest list"),
        run_slash("digest subscribe", channel=news),
        run_slash("digest subscribe", channel=news),
        run_slash("digest subscribe", channel=digest, when="daily", at="14:00", layout="list", on_withdrawal="mark"),
        run_slash(
            "digest subscribe", channel=digest, when="hourly", at="0:15", on="mon-fri", topics=CHAOS, skip_empty=False
        ),
        run_slash(
            "digest subscribe",
            channel=digest,
            when="weekly",
            mention=role,
            without=CHAOS,
            words=COSMOS,
            keep_days=7,
            thread=True,
            backfill=2,
            providers=COSMOS,
            on_withdrawal="keep",
            min_quality=20,
            skip_empty=False,
            language=LANGUAGE,
        ),
        run_slash("digest subscribe", channel=digest, when="weekdays", topics=COSMOS, mention=role),
        run_slash("digest subscribe", channel=digest, crosspost=True),
        run_slash("digest subscribe", channel=digest, mention=everyone),
        run_slash("digest subscribe", channel=silent, mention=moderators),
        run_slash("digest subscribe", channel=locked),
        run_slash("digest subscribe", channel=digest, at="ποτέ"),
        run_slash(
            "digest subscribe",
            channel=digest,
            at=", ".join(f"{hour}:{half}" for hour in range(24) for half in (10, 40)),
        ),
        run_slash("digest subscribe", channel=digest, on="ποτέ"),
        run_slash("digest subscribe", channel=digest, colour="ποτέ"),
        run_slash("digest subscribe", channel=digest, template="{ποτέ}"),
        run_slash("digest subscribe", channel=digest, template="α" * 300),
        run_slash("digest subscribe", channel=digest, when="daily", layout="magazine", mention=moderators),
        run_slash("digest subscribe", channel=silent, when="daily", layout="magazine", colour="red", template="α"),
        run_slash("digest subscribe", channel=silent, when="weekdays", layout="compact"),
        complete_option("digest subscribe", "colour"),
        run_slash("digest subscribe", channel=digest, timezone="Europe/Berlim"),
        run_slash("digest subscribe", channel=digest, topics=COSMOS, without=COSMOS),
        run_slash("digest subscribe", channel=digest, topics=", ".join(map(str, range(30)))),
        run_slash("digest subscribe", channel=digest, when="instant", at="9:00"),
        run_slash("digest subscribe", channel=digest, when="weekdays", on="sat"),
        run_slash("digest subscribe", channel=digest, when="weekly", on="sat, sun"),
        run_slash("digest list"),
        run_slash("digest check"),
        complete_option("digest edit", "subscription"),
        complete_option("digest edit", "topics"),
        complete_option("digest edit", "timezone"),
        run_slash("digest edit", subscription=own_subscription(0)),
        run_slash("digest edit", subscription=own_subscription(1), topics=COSMOS),
        run_slash("digest edit", subscription="404", topics=COSMOS),
        run_slash("digest resume", subscription=own_subscription(1)),
        run_slash("digest pause", subscription=own_subscription(1)),
        run_slash("digest pause", subscription=own_subscription(1)),
        run_slash("digest list"),
        complete_option("digest edit", "subscription"),
        run_slash("digest why", subscription=own_subscription(1), card="α"),
        run_slash("digest resume", subscription=own_subscription(1)),
        *(run_slash("digest preview", subscription=own_subscription(number)) for number in range(5)),
        *(run_slash("digest why", subscription=own_subscription(number), card="α") for number in range(5)),
        run_slash("digest now", subscription=own_subscription(0)),
        run_slash("digest now", subscription=own_subscription(1)),
        run_slash("digest whatif"),
        run_slash("digest whatif", when="daily", at="11:00", topics=COSMOS, min_quality=20),
        run_slash("digest whatif", when="hourly"),
        run_slash("digest whatif", when="hourly", on="mon"),
        run_slash("digest whatif", when="hourly", at="0:30"),
        run_slash("digest whatif", topics=CHAOS),
    ),
    "posts and digests": (
        run_slash("digest subscribe", channel=forum, topics=COSMOS),
        run_slash("digest subscribe", channel=forum, when="daily", at="14:00", topics=LETHE),
        load_cards("κ", related=_pattern_for(*(f"https://example.net/{place}" for place in range(9)))),
        view_newest(news),
        press_item("nd:save"),
        press_item("nd:more"),
        press_item("nd:related"),
        advance_clock(days=1),
        advance_clock(days=7),
        load_cards("λ", "μ", publishedDateTime="2026-06-09T11:00:00Z"),
        load_cards("ψ", topics=f"[{LETHE}]", publishedDateTime="2026-06-10T11:00:00Z"),
        run_slash("digest preview", subscription=own_subscription(1)),
        run_slash("digest preview", subscription=own_subscription(0)),
        run_slash("digest now", subscription=own_subscription(1)),
        advance_clock(seconds=1),
        run_slash("digest why", subscription=own_subscription(1), card="λ"),
        run_slash("digest why", subscription=own_subscription(0), card="λ"),
        view_newest(digest),
        press_item("nd:keep"),
        press_item("nd:keep"),
        press_item("nd:why"),
        run_slash("desk withdraw", card="λ", reason="λάθος"),
        load_cards("μ", removed="true"),
        run_slash("desk undo", card="λ"),
        advance_clock(seconds=1),
    ),
    "a digest of several messages": (
        run_slash("digest subscribe", channel=digest, when="daily", at="13:00", topics=LETHE, max_cards=25),
        *(load_cards(f"χ{place}", topics=f"[{LETHE}]", provider=f"{{name: Πηγή {place}}}") for place in range(12)),
        run_slash("digest preview", subscription=own_subscription(7)),
        run_slash("digest now", subscription=own_subscription(7)),
        advance_clock(seconds=1),
    ),
    "quiet hours": (
        run_slash("digest quiet", channel=news),
        run_slash("digest quiet", channel=news, **{"from": "22:00"}),
        run_slash("digest quiet", channel=news, **{"from": "22:00", "to": "22:00"}),
        run_slash("digest quiet", channel=news, **{"from": "22:00, 23:00", "to": "7:00"}),
        run_slash("digest quiet", channel=digest, **{"from": "22:00", "to": "7:00"}, heat=500),
        run_slash("digest quiet", channel=news, **{"from": "10:00", "to": "13:00"}),
        run_slash("digest list"),
        load_cards("ν", "ξ", publishedDateTime="2026-06-09T11:30:00Z"),
        advance_clock(hours=2),
        run_slash("digest quiet", channel=news),
    ),
    "a closed channel": (
        refuse_messages(news, 50013, times=2),
        load_cards("ο", "π", "ρ", "σ", "τ", "υ", publishedDateTime="2026-06-09T13:00:00Z"),
        run_slash("digest check"),
        run_slash("status"),
        advance_clock(hours=2),
        advance_clock(hours=2),
        strand_subscriptions(locked, GONE),
        load_cards("φ", publishedDateTime="2026-06-09T17:00:00Z"),
        run_slash("digest check"),
        complete_option("digest remove", "subscription"),
        advance_clock(hours=5),
    ),
    "setting up": (
        run_slash("digest setup"),
        press_item(":preview"),
        press_item(":channel", locked),
        press_item(":when", "instant"),
        press_item(":filters"),
        fill_form(CHAOS, COSMOS, CHAOS, "ποτέ"),
        press_item(":preview"),
        press_item(":when", "weekly"),
        press_item(":channel", digest),
        press_item(":topics", COSMOS),
        press_item(":layout", "list"),
        press_item(":times"),
        fill_form("9:00", "sat", "Europe/Berlin"),
        press_item(":filters"),
        fill_form(CHAOS, COSMOS, CHAOS, "30"),
        press_item(":filters"),
        fill_form("", "", COSMOS, "30"),
        press_item(":filters"),
        fill_form("-", "", "", ""),
        press_item(":preview"),
        press_item(":subscribe"),
        run_slash("digest setup"),
        forget_drafts,
        press_item(":preview"),
    ),
    "the desk": (
        run_slash("desk queue"),
        run_slash("desk queue", topic=CHAOS),
        run_slash("desk log", who="admin", by=member),
        run_slash("desk channel", channel=news),
        run_slash("digest subscribe", channel=subscribed),
        run_slash("desk channel", channel=subscribed),
        run_slash("desk channel", channel=desk),
        run_slash("digest subscribe", channel=desk),
        load_cards("αα", "ββ", "γγ", "δδ", "εε", "ζζ", "ηη", **HELD),
        load_cards("ω", related=_pattern_for("https://example.org/θθ")),
        load_cards("θθ", published="false", heat="-1"),
        view_newest(desk),
        press_item("nd:review:y"),
        load_cards("ιι", published="false", heat=""),
        run_slash("desk queue"),
        press_item("nd:turn"),
        press_item("nd:turn"),
        view_newest(desk),
        press_item("nd:review:y"),
        press_item("nd:review:t"),
        fill_form(f"{COSMOS}, {CHAOS}"),
        view_newest(desk),
        press_item("nd:review:t"),
        fill_form(", ".join(map(str, range(11)))),
        view_newest(desk),
        press_item("nd:review:i"),
        press_item("nd:pick"),
        view_newest(desk),
        press_item("nd:undo"),
        view_newest(desk),
        press_item("nd:review:w"),
        fill_form("διπλό"),
        press_item("nd:undo"),
        run_slash("desk publish", card="αα", reason="άξιο"),
        run_slash("desk publish", card="αα"),
        press_forged("nd:review:w:{}:-:0", card="αα"),
        fill_form("διπλό"),
        press_forged("nd:review:y:{}:p:0", card="αα"),
        press_forged("nd:review:t:{}:p:0", card="αα"),
        fill_form(CHAOS),
        press_forged("nd:review:t:{}:p:0", card="αα"),
        fill_form(""),
        run_slash("desk withdraw", card="αα"),
        fill_form("διπλό"),
        run_slash("desk withdraw", card="αα", reason=""),
        run_slash("desk undo", card="αα"),
        run_slash("desk undo", card="φ"),
        run_slash("desk publish", card="ββ", scope="everywhere"),
        run_slash("desk publish", card="ββ", scope="everywhere"),
        press_forged("nd:review:y:{}:-:0", card="ββ"),
        run_slash("desk withdraw", card="ββ", scope="everywhere", reason="διπλό"),
        press_forged("nd:review:y:{}:-:0", card="ββ"),
        run_slash("desk publish", card="ββ"),
        run_slash("desk undo", card="ββ", scope="everywhere"),
        run_slash("desk undo", card="φ", scope="everywhere"),
        run_slash("desk publish", card="μ"),
        press_forged("nd:review:y:{}:-:0", card="μ"),
        run_slash("desk queue"),
        press_item("nd:choose"),
        run_slash("desk queue"),
        press_item("nd:queue:p"),
        press_item("nd:queue:p!"),
        press_item("nd:undo"),
        press_item("nd:redo"),
        press_item("nd:undo"),
        run_slash("desk queue"),
        press_item("nd:queue:w"),
        press_item("nd:queue:w!"),
        run_slash("desk log"),
        press_item("nd:turn"),
        press_item("nd:turn"),
        run_slash("desk log", card="λ"),
        run_slash("desk log", said="file"),
        run_slash("desk log", card="ββ"),
        complete_option("desk publish", "card"),
        run_slash("card", "member", card="φ"),
        press_item("nd:more", who="member"),
        press_item("nd:flag", who="member"),
        fill_form("σπασμένο", who="member"),
        advance_clock(seconds=1),
        view_newest(desk),
        press_item("nd:review:k"),
        run_slash("desk channel"),
    ),
    "edits": (
        send_card("wire", title="Νέα από το σύρμα", held=True),
        run_slash("desk queue", topic=COSMOS),
        press_item("nd:choose"),
        press_item("nd:edit"),
        press_item("nd:form"),
        fill_form("Τίτλος", "Λίγα λόγια", "https://example.org/picture.png", f"{COSMOS}, {CHAOS}"),
        press_item("nd:undo"),
        run_slash("desk log"),
        run_slash("desk edit", card="wire"),
        press_item("nd:form"),
        fill_form(" ", "Λίγα", "λάθος", ", ".join(map(str, range(11)))),
        press_item("nd:form"),
        fill_form("Τίτλος", "", "https://example.org/picture.svg", ""),
        press_item("nd:form"),
        fill_form("Νέα από το σύρμα", "", "", ""),
        run_slash("desk edit", card="wire"),
        press_item("nd:form"),
        fill_form("Νέα από το σύρμα", "", "", ""),
        run_slash("desk edit", card="φ"),
        complete_option("desk edit", "card"),
    ),
    "stories": (
        send_card("one", title="Νέα από το σύρμα"),
        send_card("two", title="Κομήτης πλησιάζει"),
        run_slash("desk split", card="one"),
        run_slash("desk join", card="one", story="one"),
        run_slash("desk join", card="one", story="two"),
        press_item("nd:undo"),
        run_slash("desk join", card="one", story="two"),
        run_slash("desk split", card="two"),
        run_slash("desk undo", card="two"),
        run_slash("desk log"),
        complete_option("desk split", "card"),
        complete_option("desk join", "card"),
        complete_option("desk join", "story"),
    ),
    "feeds": (
        run_slash("feed list"),
        run_slash("feed export"),
        run_slash("feed add", url="http://127.0.0.1/feed"),
        run_slash("feed add", url=site_page("/nothing")),
        run_slash("feed add", url=site_page("/page")),
        run_slash("feed add", url=site_page("/")),
        press_item(":choose"),
        press_item(":follow"),
        run_slash("feed add", url=site_page("/feed"), policy="publish", topics=COSMOS, quality=60),
        press_item(":follow"),
        run_slash("feed list"),
        run_slash("feed edit", feed="Εφημερίδα", policy="covered"),
        run_slash("feed edit", feed="Εφημερίδα", policy="covered"),
        run_slash("feed edit", feed="Εφημερίδα", topics=", ".join(map(str, range(11)))),
        run_slash("feed pause", feed="Εφημερίδα"),
        run_slash("feed pause", feed="Εφημερίδα"),
        run_slash("feed list"),
        run_slash("feed resume", feed="Εφημερίδα"),
        run_slash("feed resume", feed="Εφημερίδα"),
        run_slash("feed check", feed="Εφημερίδα"),
        run_slash("feed import", file=("α.opml", "κείμενο".encode())),
        run_slash("feed import", file=("α.opml", b"x" * 1_000_001)),
        run_slash("feed import", file=("α.opml", OPML.encode())),
        press_item(":import"),
        run_slash("feed export"),
        run_slash("newsdesk profile"),
        run_slash("newsdesk profile", name="Ἀγγελία"),
        complete_option("feed pause", "feed"),
        run_slash("feed remove", feed="ξένος"),
        run_slash("feed remove", feed="Εφημερίδα"),
        run_slash("feed add", "member", url="http://127.0.0.1/feed"),
    ),
    "links": (
        run_slash("submit", "member", url="http://127.0.0.1/x"),
        run_slash("submit", "member", url="https://α:β@paper.example/"),
        run_slash("submit", "member", url=site_page("/nothing")),
        run_slash("submit", "member", url=site_page("/login")),
        run_slash("submit", "member", url=site_page("/untitled"), comment="λόγια"),
        press_item(":details", who="member"),
        fill_form("\u200b", COSMOS, "λόγια", who="member"),
        press_item(":details", who="member"),
        fill_form("Τίτλος", COSMOS, "λόγια", who="member"),
        press_item(":submit", who="member"),
        press_item("nd:tell", who="member"),
        press_forged("nd:tell:{}", card="α"),
        run_slash("submit", "member", url=site_page("/untitled")),
        press_item(":details", who="member"),
        fill_form("λόγια", who="member"),
        press_item(":submit", who="member"),
        run_slash("desk queue"),
        run_slash("desk publish", card="Τίτλος"),
        advance_clock(seconds=1),
        view_newest(members_dm),
        run_slash("submit", "member", url=site_page("/untitled")),
        run_menu("λόγια", SUBMIT),
        run_menu("https://elsewhere.example/x https://elsewhere.example/y", SUBMIT),
        press_item(":choose"),
        run_menu(site_page("/story"), SUBMIT),
        press_item(":cancel"),
        run_slash("submit", url=site_page("/story")),
        press_item(":submit"),
        press_item("nd:undo"),
        run_slash("submit", "member", url=site_page("/story")),
        press_item(":submit", who="member"),
        press_item("nd:tell", who="member"),
        run_slash("desk log"),
        run_slash("desk withdraw", card="Λιμάνι", reason="διπλό"),
        run_slash("submit", url=site_page("/story")),
        advance_clock(seconds=1),
        run_slash("submit", "member", url=site_page("/other story")),
        press_item(":submit", who="member"),
        run_slash("submit", "member", url=site_page("/nothing")),
    ),
    "what breaks": (
        with_failing_query("cards.trends.count_topics", run_slash("topics")),
        with_failing_query("members.saved_cards.save_card", press_forged("nd:save:{}:0", card="α")),
    ),
    "who may not": (
        run_slash("desk queue", "member"),
        run_slash("desk publish", "member", card="γγ"),
        run_slash("desk publish", "member", card="γγ", scope="everywhere"),
        run_slash("digest subscribe", "member", channel=news),
        run_slash("digest remove", "member", subscription=own_subscription(0)),
        run_slash("status", "member"),
        press_forged("nd:erase:1"),
        press_forged("nd:related:{}", card="θ"),
        press_forged("nd:review:p:1:-:1", "member"),
        press_forged("nd:review:p:999:-:1"),
        press_forged("nd:accept", "member"),
        press_forged("nd:save:999:0"),
        press_forged("nd:show:3e7"),
        press_forged("nd:undo:999"),
        press_forged("nd:turn:000000000000:p0"),
        run_slash("digest remove", subscription=own_subscription(0)),
    ),
    "the bot joins": (
        post_greeting(LANGUAGE),
        view_newest(),
        press_item("nd:begin"),
        press_forged("nd:begin", "member"),
    ),
    "what is for the operators": (
        run_slash("status"),
        warn_owners(LANGUAGE),
        run_slash("status"),
        view_newest(admins_dm),
        press_item("nd:accept", dm=True),
        write_back,
        run_slash("desk publish", card="γγ"),
        run_slash("privacy export"),
        run_slash("privacy erase"),
        press_item("nd:erase"),
        run_slash("privacy erase"),
    ),
}


async def test_no_english_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    route_names(monkeypatch)
    with serve_feeds() as site:
        site.pages |= {
            "/story": STORY.format("Λιμάνι"),
            "/other%20story": STORY.format("Άλλο"),
            "/login": LOGIN,
            "/untitled": STORY.format(""),
            "/feed": FEED,
            "/other": FEED,
            "/page": "<!doctype html><p>Λόγια",
            "/": f"<!doctype html>{LINKS}",
        }
        await _play_scenes(tmp_path, monkeypatch, f"paper.example:{site.server_address[1]}")


async def _play_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: str) -> None:
    async with open_stage(tmp_path, server_locale=LANGUAGE, fetch_private=site) as stage:
        stage.locales |= {stage.admin.id: LANGUAGE, stage.member.id: LANGUAGE}
        stage.bot.owner_id = stage.admin.id
        await open_commands(stage)
        play, known = ScriptedSession(stage), _babel_words() | {stage.env.backend.guilds[stage.guild.id].name}
        monkeypatch.setattr("bot.i18n.load_catalogue", lambda _language: BracketedTranslations())
        english = []
        for scene, steps in SCENES.items():
            for number, step in enumerate(steps, start=1):
                await step(play)
                message = play.collect_texts()
                english += [
                    f"{scene}, step {number}: {text}" for text in message if set(find_unbracketed(text)) - known
                ]

        assert not english
        assert not set(_list_usable(stage.bot)) - set(_list_driven(stage.bot))


def _babel_words() -> set[str]:
    """Days, months and what joins words, which Babel has in the language."""
    with override_language(LANGUAGE):
        months = [
            form(date(2026, month, 1)) for month in range(1, 13) for form in (format_day_of_year, format_short_date)
        ]
        message = [*weekday_names(), *months, format_list("12"), format_list("12", "or"), language_name(LANGUAGE)]
    return {word for text in message for word in find_unbracketed(text)}


def _list_usable(bot: NewsBot) -> Iterator[str]:
    """What people can use, by the names under which it is counted."""
    for command in (*bot.tree.walk_commands(), *bot.tree.walk_commands(type=AppCommandType.message)):
        if not isinstance(command, app_commands.Group):
            yield command.qualified_name
    for base in (ErrorReportingItem, ErrorReportingModal, ErrorReportingView):
        ours = (each.__name__ for each in base.__subclasses__() if each.__module__.startswith("bot."))
        yield from (name for name in ours if not name.startswith("_"))  # the parts of a view count as the view


def _list_driven(bot: NewsBot) -> Iterator[str]:
    for name, count in parse_samples(bot.metrics.render_text().decode()).items():
        if count and (match := re.fullmatch(r'newsdesk_interaction_seconds_count{kind="\w+",name="(.+)"}', name)):
            yield match[1]


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
    assert find_unbracketed(text) == found
