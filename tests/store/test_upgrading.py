"""A database of the first version, brought to this one: what it knew is kept, and nothing is posted again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, insert, text

from bot.cards.model import Card, CardState, SourceKind
from bot.domain.delivery import UNPUBLISHED_REVISION as UNPUBLISHED
from bot.domain.delivery import CardRevision, ContentKind, hash_content
from bot.domain.digest_selection import SelectionReason
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from bot.sources.folder import fingerprint_stat
from bot.store import open_store
from bot.store.cards.repository import CardQuery, TimelineCursor
from bot.store.cards.rows import card_to_row
from bot.store.engines.sqlite import APPLICATION_ID
from bot.store.tables import Moment
from tests.support.cards import NOW, card_file, make_card

pytestmark = pytest.mark.sqlite("earlier versions have no other engine")
GUILD, CHANNEL, PERSON = 1, 10, 5
BEFORE = NOW - timedelta(days=1)
MAX_AGE = timedelta(days=14)
IDS_GIVEN = 500
"""Deliveries that the first version ever made; the last ones are deleted."""
STATES: dict[str, tuple[CardState, bool | str | None, bool | str | None, bool, str, bool]] = {
    # card, wanted, actual (True: its revision), whether a message is there, progress, whether it is due
    "posted": (CardState.PUBLISHED, True, True, True, "settled", False),
    "outdated": (CardState.PUBLISHED, True, "older", True, "waiting", True),
    "waiting": (CardState.PUBLISHED, True, None, False, "waiting", True),
    "sending": (CardState.PUBLISHED, True, None, False, "sending", True),
    "adopted": (CardState.PUBLISHED, True, "", True, "waiting", True),
    "unpublished": (CardState.HELD, UNPUBLISHED, UNPUBLISHED, True, "settled", False),
    "withdrawn": (CardState.WITHDRAWN, None, True, True, "waiting", True),
    "retracted": (CardState.WITHDRAWN, None, None, False, "settled", False),
    "refused": (CardState.PUBLISHED, True, None, False, "quarantined", False),
    "removed": (CardState.PUBLISHED, True, True, True, "removed", False),
}
IDS = {name: number for number, name in enumerate(STATES, 1)}


def to_microseconds(moment: datetime) -> int:
    return int(Moment().process_bind_param(moment, None))  # type: ignore[arg-type]


def make_old_card(slug: str) -> Card:
    return make_card(slug, state=STATES[slug][0] if slug in STATES else CardState.PUBLISHED, topics=("Python",))


def card_row(number: int, slug: str) -> dict[str, Any]:
    known = card_to_row(make_old_card(slug))
    return known | {
        "id": number,
        "timeline": number,
        "published_at": to_microseconds(known["published_at"]),
        "visible_at": to_microseconds(NOW),
        "gone": False,
        # As if every card had changed: a plan looks at all of them.
        "unplanned": True,
    }


def delivery_row(name: str) -> dict[str, Any]:
    _, wanted, actual, target, progress, due = STATES[name]
    revision = card_to_row(make_old_card(name))["revision"]
    return {
        "id": IDS[name],
        "subscription_id": 1,
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "card_id": IDS[name],
        "timeline": IDS[name],
        "wanted": revision if wanted is True else wanted,
        "actual": revision if actual is True else actual,
        "message_id": 1000 + IDS[name] if target else None,
        "progress": progress,
        "attempts": 2 if due else 0,
        "due_at": to_microseconds(NOW) if due else None,
        "sent_at": to_microseconds(NOW) if target or progress == "sending" else None,
        "last_error": "400" if progress == "quarantined" else None,
        "planned_at": to_microseconds(BEFORE),
        "settled_at": to_microseconds(NOW) if progress == "settled" else None,
    }


def old_rows() -> dict[str, list[dict[str, Any]]]:
    """One delivery in each state, and a card that no channel received."""
    subscription = {"guild_id": GUILD, "created_by": PERSON, "created_at": to_microseconds(BEFORE), "when": "instant"}
    decided = {
        "guild_id": 2,
        "card_id": 1,
        "decided_by": PERSON,
        "decided_at": to_microseconds(NOW),
        "reason": "a rumour",
    }
    return {
        "meta": [{"key": "instance", "value": "0123abcd"}],
        "cards": [card_row(number, name) for number, name in enumerate([*STATES, "fresh"], 1)],
        "topics": [{"id": 7, "key": "python", "name": "Python"}],
        "subscriptions": [
            {"id": 1, "channel_id": CHANNEL, "min_quality": 0, **subscription},
            {"id": 2, "channel_id": 11, "min_quality": 80, **subscription},
        ],
        "card_topics": [{"topic_id": 7, "card_id": n, "timeline": n} for n in range(1, len(STATES) + 2)],
        "subscription_topics": [{"topic_id": 7, "subscription_id": 2}],
        "deliveries": [delivery_row(name) for name in STATES],
        "decisions": [{"verdict": "withdrawn", **decided}],
        "audit": [{"guild_id": 2, "card_id": 1, "before": None, "after": "withdrawn", "actor_id": PERSON,
                   "source": "command", "reason": "a rumour", "at": to_microseconds(NOW)}],
        "saved": [{"user_id": 9, "card_id": 1, "saved_at": to_microseconds(NOW)}],
    }  # fmt: skip


def upgrade_to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def create_first_version(connection: Connection) -> None:
    upgrade_to(connection, "0001")
    tables = MetaData()
    tables.reflect(connection)
    for table, values in old_rows().items():
        connection.execute(insert(tables.tables[table]), values)
    connection.execute(text("UPDATE sqlite_sequence SET seq = :last WHERE name = 'deliveries'"), {"last": IDS_GIVEN})
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


@pytest.fixture
def old_database(tmp_path: Path, database_url: str) -> str:
    engine = create_engine(f"sqlite:///{tmp_path / 'newsdesk.db'}")
    try:
        with engine.begin() as connection:
            create_first_version(connection)
    finally:
        engine.dispose()
    return database_url


def query_all(folder: Path, queries: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "newsdesk.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(queries)]


def deliveries_in(folder: Path) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in query_all(folder, "SELECT * FROM deliveries")}


def translate_row(before: dict[str, Any]) -> dict[str, Any]:
    """What the first version's row says, in this version's words."""
    kept = {name: value for name, value in before.items() if name not in ("card_id", "wanted", "actual")}
    wanted, kind = before["wanted"], ContentKind.CARDS
    if wanted is None or wanted == UNPUBLISHED:
        kind = wanted and ContentKind.UNPUBLISHED
    hashes = [hash_old_content(before["card_id"], before[side]) for side in ("wanted", "actual")]
    return kept | dict(zip(("desired_kind", "desired_hash", "delivered_hash"), (kind, *hashes), strict=True))


def hash_old_content(card_id: int, content: str | None) -> str | None:
    if content == UNPUBLISHED:
        return hash_content(ContentKind.UNPUBLISHED)
    return hash_content(ContentKind.CARDS, [CardRevision(card_id, content)]) if content else None


async def test_each_delivery_stands_where_it_stood(old_database: str, tmp_path: Path) -> None:
    async with open_store(old_database) as store:
        assert store.instance == "0123abcd"
    found = deliveries_in(tmp_path)
    assert len(found) == len(STATES)
    for before in old_rows()["deliveries"]:
        after = found[before["id"]]
        assert {name: after[name] for name in translate_row(before)} == translate_row(before)
        assert (after["layout"], after["slot"], after["on_withdrawal"]) == ("card", None, "delete")
    shown = query_all(tmp_path, "SELECT delivery_id, card_id, channel_id, place, revision, shown FROM delivery_cards")
    assert shown == [
        {"delivery_id": row["id"], "card_id": row["card_id"], "channel_id": CHANNEL, "place": 0,
         "revision": row["wanted"], "shown": 1}
        for row in old_rows()["deliveries"]
    ]  # fmt: skip
    assert query_all(tmp_path, "PRAGMA foreign_key_check") == []


async def test_subscriptions_decisions_and_saved_cards_are_kept(old_database: str, tmp_path: Path) -> None:
    async with open_store(old_database) as store:
        assert await store.subscriptions.list_for_guild(GUILD) == [
            Subscription(1, GUILD, CHANNEL, PERSON, BEFORE, BEFORE, SubscriptionOptions()),
            Subscription(2, GUILD, 11, PERSON, BEFORE, BEFORE, SubscriptionOptions(topics=("Python",), min_quality=80)),
        ]
        assert await store.cards.get_by_slug("posted", 2) is None
        assert await store.cards.get_by_slug("posted", GUILD)
        again = Decision(2, 1, Verdict.WITHDRAW, PERSON, NOW, "a rumour")
        assert not (
            await store.moderation.decisions.decide_card(again, source=DecisionSource.COMMAND, expected=None)
        ).accepted
        assert (await store.members.saved_cards.get_page(9, GUILD, limit=5, offset=0)).total == 1
    assert len(query_all(tmp_path, "SELECT * FROM audit")) == 1


async def test_a_card_that_was_delivered_before_is_not_posted_again(old_database: str, tmp_path: Path) -> None:
    async with open_store(old_database) as store:
        before = deliveries_in(tmp_path)
        assert await store.outbox.planner.plan_deliveries(NOW, MAX_AGE) == 1
        after = deliveries_in(tmp_path)
        (new,) = after.keys() - before.keys()
        assert {number: after[number] for number in before} == before
        due = {each.id: each for each in await store.outbox.queue.fetch_due_for(CHANNEL, NOW)}
        assert [card.card_id for card in due[new].cards] == [len(STATES) + 1]
        posts = [row["id"] for row in after.values() if row["due_at"] and not row["message_id"] and row["desired_kind"]]
        assert posts == [IDS["waiting"], IDS["sending"], new]
        # A nonce is made of the store's name and the delivery's number: neither may come a second time.
        assert new == IDS_GIVEN + 1


async def test_words_that_were_indexed_before_help_with_spelling(old_database: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "newsdesk.db")) as connection, connection:
        values = (1, "Größte Ölkrise 1973 日本", "not these", "Wirtschaft", "nor these", "topic0123")
        connection.execute(
            "INSERT INTO card_search (rowid, title, excerpt, names, related, tags) VALUES (?, ?, ?, ?, ?, ?)", values
        )
    async with open_store(old_database):
        pass
    assert [row["word"] for row in query_all(tmp_path, "SELECT word FROM spellings ORDER BY word")] == [
        "großte", "olkrise", "wirtschaft",
    ]  # fmt: skip


async def test_cards_that_were_indexed_before_are_found_newest_first(old_database: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "newsdesk.db")) as connection, connection:
        for number, title in enumerate(["an old comet", "the moon", "a new comet"], 1):
            connection.execute("INSERT INTO card_search (rowid, title) VALUES (?, ?)", (number, title))
    async with open_store(old_database) as store:
        hits = (await store.cards.search_cards(CardQuery("comet"), GUILD, limit=5)).cards
        assert [stored.id for stored in hits] == [3, 1]
        assert not (await store.cards.search_cards(CardQuery("comet"), GUILD, limit=5, cursor=TimelineCursor(1))).cards


async def test_why_a_digest_chose_a_card_is_kept(old_database: str, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'newsdesk.db'}")
    try:
        with engine.begin() as connection:
            upgrade_to(connection, "0005")
            message = '{"place": 2, "heat": 90, "quality": null, "hours": 5}'
            connection.execute(text("UPDATE delivery_cards SET why = :said WHERE card_id = 1"), {"said": message})
            connection.execute(text("UPDATE delivery_cards SET why = 'null' WHERE card_id = 2"))
    finally:
        engine.dispose()
    async with open_store(old_database) as store:
        reasons = [await store.outbox.digests.find_reason(CHANNEL, card_id) for card_id in (1, 2, 3)]
    assert [found and found[1] for found in reasons] == [SelectionReason(2, heat=90, quality=None, hours=5), None, None]


async def test_options_of_subscriptions_and_messages_are_kept(old_database: str, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'newsdesk.db'}")
    try:
        with engine.begin() as connection:
            upgrade_to(connection, "0014")
            connection.execute(
                text(
                    "UPDATE subscriptions SET \"when\" = 'weekly', times = '[\"07:30\"]', days = '[2]', max_cards = 5, "
                    "timezone = 'Europe/Berlin', without = '[\"Gossip\"]', layout = 'list', mention = 9, "
                    "skip_empty = 0, crosspost = 1, language = 'de' WHERE id = 1"
                )
            )
            connection.execute(text("UPDATE subscriptions SET \"when\" = 'daily', times = '[' WHERE id = 2"))
            connection.execute(text("UPDATE deliveries SET mention = 9 WHERE id = 1"))
    finally:
        engine.dispose()
    async with open_store(old_database) as store:
        kept, invalid = await store.subscriptions.list_for_guild(GUILD)
    assert kept.options == SubscriptionOptions(
        Frequency.WEEKLY, (time(7, 30),), (2,), "Europe/Berlin", without=("Gossip",), max_cards=5, layout=Layout.LIST,
        mention=9, crosspost=True, skip_empty=False, language="de",
    )  # fmt: skip
    assert kept.unusable == ()
    assert invalid.unusable == ("times",)
    found = deliveries_in(tmp_path)
    assert [found[number]["options"] for number in (1, 2)] == ['{"mention": 9}', "{}"]


async def test_files_that_have_not_changed_are_not_read_again(old_database: str, tmp_path: Path) -> None:
    root, renamed = tmp_path / "cards", tmp_path / "before"
    root.mkdir()
    for name in ("posted", "fresh"):
        (root / f"{name}.md").write_bytes(card_file(title=name))
    stats = {path.stem: path.stat() for path in root.iterdir()}
    engine = create_engine(f"sqlite:///{tmp_path / 'newsdesk.db'}")
    try:
        with engine.begin() as connection:
            upgrade_to(connection, "0014")
            tables = MetaData()
            tables.reflect(connection)
            noted: list[dict[str, Any]] = [
                {"root": str(folder), "path": f"{name}.md", "size": info.st_size, "mtime_ns": info.st_mtime_ns,
                 "ctime_ns": info.st_ctime_ns, "inode": info.st_ino, "digest": "d", "problems": [],
                 "card_id": number, "missing_since": None, "due_at": None}
                for folder in (renamed, root)
                for number, (name, info) in enumerate(sorted(stats.items()), 1)
            ]  # fmt: skip
            connection.execute(insert(tables.tables["files"]), noted)
            connection.execute(text("UPDATE files SET mtime_ns = -1 WHERE path = 'fresh.md'"))
    finally:
        engine.dispose()
    async with open_store(old_database) as store:
        known = await store.cards.importer.known_items(SourceKind.FOLDER, str(root))
        assert {key: (item.card_id, item.digest) for key, item in known.items()} == {
            "fresh.md": (1, "d"), "posted.md": (2, "d"),
        }  # fmt: skip
        assert known["fresh.md"].fingerprint == ""
        assert known["posted.md"].fingerprint == fingerprint_stat(stats["posted"])
        assert await store.cards.importer.known_items(SourceKind.FOLDER, str(renamed)) == {}
    owners = "SELECT DISTINCT sources.key FROM cards LEFT JOIN sources ON sources.id = source_id WHERE cards.id {} 2"
    assert query_all(tmp_path, owners.format("<=")) == [{"key": str(root)}]
    # No file of the others is known: a folder finds them if one returns.
    assert len(query_all(tmp_path, owners.format(">"))) == 1
