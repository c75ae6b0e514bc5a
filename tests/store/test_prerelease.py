"""A store of the schemas before the first release, brought to it: all that it knew is kept, nothing is posted again.

`prerelease/` holds such stores as SQL: two servers, a personal digest, reviews, and messages in every state.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.delivery import Delivery
from bot.domain.moderation import Verdict
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Layout, OnWithdrawal, SubscriptionOptions
from bot.errors import StoreError
from bot.store import open_store
from bot.store.cards.card_query import CardQuery
from bot.store.migrations import prerelease
from bot.store.migrations.prerelease import TOO_OLD, UPGRADABLE
from bot.store.moderation.audit_log import AuditFilter
from tests.store.test_opening import assert_tables_match
from tests.support.stores import ON_POSTGRESQL, no_database, query_database, run_in_thread
from tests.support.worker import WorkerHarness

STORES = Path(__file__).parent / "prerelease"
ROOT = "/srv/newsdesk/cards"
"""The folder of cards that these stores know."""
LAST = datetime(2026, 6, 2, 7, 1, 16, tzinfo=UTC)
"""When their bot ended."""
STORED = ("0010", "0014")
LAST_DELIVERY, LAST_SUBSCRIPTION = 33, 7


def read_store(version: str) -> str:
    """Return the statements that make a store of this version, on the engine that is tested."""
    engine = "postgresql" if ON_POSTGRESQL else "sqlite"
    tables, _, rest = (STORES / f"{version}.{engine}.sql").read_text("utf-8").partition("-- rows\n")
    return tables + (STORES / f"{version}.rows.sql").read_text("utf-8") + rest


def run_script(url: str, script: str) -> None:
    if ON_POSTGRESQL:
        run_in_thread(_run_script(url, script))
    else:
        with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
            connection.executescript(script)


async def _run_script(url: str, script: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(script)
    finally:
        await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of cards, unchanged since the bot ended."""
    place = tmp_path / "cards"
    place.mkdir()
    for file in (STORES / "cards").iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


@pytest.fixture(params=STORED)
def old_url(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> str:
    """The address of such a store."""
    url = no_database(tmp_path / "test.db")
    run_script(url, read_store(request.param).replace(ROOT, str(folder.resolve())))
    return url


@asynccontextmanager
async def open_harness(url: str, folder: Path) -> AsyncIterator[WorkerHarness]:
    """A bot that goes on with the store, where its channels still have their messages."""
    async with open_store(url) as store:
        harness = WorkerHarness(store, folder)
        harness.clock.now = LAST
        messages = json.loads((STORES / "messages.json").read_text())
        harness.channels.messages = {int(message): tuple(shown) for message, shown in messages.items()}
        harness.channels.by_nonce = {f"earlier {number}": number for number in range(100, 128)}
        yield harness


def posted_titles(harness: WorkerHarness) -> dict[int, list[str]]:
    return {channel: [title for _, title in posts] for channel, posts in harness.channels.posted.items()}


async def test_the_tables_are_those_of_a_new_store(old_url: str) -> None:
    async with open_store(old_url):
        pass
    await assert_tables_match(old_url)
    prefix = "old_"
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'" if ON_POSTGRESQL else (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    )  # fmt: skip
    assert not [name for (name,) in query_database(old_url, named) if name.startswith(prefix)]


async def test_only_what_was_still_to_do_is_done(old_url: str, folder: Path) -> None:
    async with open_harness(old_url, folder) as harness:
        await harness.deliver_due(seconds=30)
        await harness.deliver_due(seconds=30)
        todo = ["Sent when the process ended", "Posted after the upgrade"]
        assert {channel: sorted(titles) for channel, titles in posted_titles(harness).items()} == {
            10: sorted(todo), 20: sorted(todo),
        }  # fmt: skip
        assert sorted(harness.channels.calls) == ["crosspost"] + ["edit"] * 3 + ["find"] + ["post"] * 4
        assert harness.channels.titles.count("Numbers that changed") == 3
        assert harness.store.instance == "0123abcd"


async def test_posts_follow_their_cards_and_new_ones_go_on_counting(old_url: str, folder: Path) -> None:
    async with open_harness(old_url, folder) as harness:
        await harness.deliver_due(seconds=30)
        harness.channels.calls.clear()
        harness.channels.posted.clear()
        harness.write_card("fresh", title="Never seen before", topics="[Other]", publishedDateTime=f"{LAST:%FT%TZ}")
        harness.write_card("morning", title="Better news", topics="[Space]", publishedDateTime="2026-06-02T07:01:03Z")
        (folder / "posted.md").unlink()
        await harness.deliver_due()
        await harness.deliver_due(seconds=10)
        deliveries: list[Delivery] = [each for posts in harness.channels.posted.values() for each, _ in posts]
        assert posted_titles(harness) == {10: ["Never seen before"], 20: ["Never seen before"]}
        # A nonce is made of the store's name and the delivery's ID: neither may come a second time.
        assert min(each.id for each in deliveries) > LAST_DELIVERY
        titles = harness.channels.titles
        assert sum("Better news" in title for title in titles) == 5
        assert not [title for title in titles if "The first release is out" in title]


async def test_subscriptions_keep_their_options(old_url: str) -> None:
    async with open_store(old_url) as store:
        first, second = await store.subscriptions.list_for_guild(1), await store.subscriptions.list_for_guild(2)
        mine = await store.subscriptions.find_for_member(7, 1)
        assert [each.id for each in (*first, *second)] == [1, 2, 3, 4, 5]
        assert [each.options for each in (*first, *second)] == [
            SubscriptionOptions(),
            SubscriptionOptions(
                frequency=Frequency.DAILY, times=(time(9), time(17, 30)), timezone="Europe/Berlin",
                excluded=("sport", "cricket"), layout=Layout.LIST, mention_role_id=900, skip_empty=False, max_cards=5,
                language="de",
            ),
            SubscriptionOptions(
                topics=("Space",), crosspost=True, on_withdrawal=OnWithdrawal.MARK, mention_role_id=901
            ),
            SubscriptionOptions(min_quality=50),
            SubscriptionOptions(
                frequency=Frequency.WEEKLY, days=(0, 4), times=(time(8),), topics=("Python", "Space"),
            ),
        ]  # fmt: skip
        assert not [each for each in (*first, *second) if each.unusable]
        assert [each.is_forum for each in second] == [True, False]
        assert (second[1].paused, second[1].next_digest_at) == (True, None)
        assert first[1].next_digest_at == datetime(2026, 6, 2, 15, 30, tzinfo=UTC)
        assert mine
        assert (mine.id, mine.channel_id, mine.options.topics) == (7, 70, ("Space",))
        new = await store.subscriptions.add_subscription(
            guild_id=1, channel_id=2, created_by=3, now=LAST, options=SubscriptionOptions()
        )
        assert new.id == LAST_SUBSCRIPTION + 1
        (quiet,) = await store.subscriptions.quiet_hours.list_for_guild(1)
        assert quiet.hours == QuietHours(time(0), time(12), "Europe/Berlin", 900)
        assert await store.subscriptions.guild_settings.get_timezone(1) == "Europe/Berlin"


async def test_what_moderators_and_members_did_is_kept(old_url: str) -> None:
    async with open_store(old_url) as store:
        comet = await store.cards.get_by_slug("comet", 1)
        held = await store.cards.get_by_slug("held", 1)
        assert comet and held  # noqa: PT018 - both are there
        assert (comet.card.topics, held.verdict) == (("Astronomy",), Verdict.PUBLISH)
        assert await store.cards.get_by_slug("withdrawn", 1) is None
        assert [each.reason for each in (await store.moderation.reports.list_open(1, [4]))[4]] == ["a typo"]
        entries = (await store.moderation.audit_log.get_page(2, AuditFilter(), limit=10)).entries
        assert {entry.id: entry.reverts_id for entry in entries} == {5: None, 4: 2, 2: None}
        (chosen,) = (await store.moderation.audit_log.get_page(1, AuditFilter(card_id=3), limit=10)).entries
        assert chosen.subscription_ids == [1]
        assert (await store.members.saved_cards.get_page(7, 1, limit=5, offset=0)).total == 1
        assert await store.members.last_read.last_read_at(7, 1) == LAST - timedelta(seconds=11)
        assert await store.list_requests.load_request("db7c009b3a1a") == {"kind": "search", "words": "comet"}
    with pytest.raises(Exception, match="only grows"):
        query_database(old_url, "DELETE FROM audit_log")


async def test_cards_are_found_newest_first(old_url: str) -> None:
    async with open_store(old_url) as store:
        await store.cards.index_rebuild.rebuild_all()
        hits = (await store.cards.search_cards(CardQuery("excerpt space"), 2, limit=3)).cards
        assert [hit.card.slug for hit in hits] == ["edited", "quiet", "morning"]


async def test_an_upgrade_that_breaks_off_leaves_the_store_as_it_was(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = query_database(old_url, "SELECT * FROM deliveries ORDER BY id")
    with monkeypatch.context() as broken:

        def fail(*_: object) -> None:
            raise OSError("the plug was pulled")

        broken.setattr(prerelease, "_set_counters", fail)
        with pytest.raises(OSError, match="plug"):
            async with open_store(old_url):
                pass
    assert query_database(old_url, "SELECT * FROM deliveries ORDER BY id") == before
    async with open_store(old_url) as store:
        assert store.instance == "0123abcd"


@pytest.mark.parametrize("version", UPGRADABLE)
async def test_each_of_the_versions_between_is_upgraded(tmp_path: Path, version: str) -> None:
    """Those between have the tables of the last one; what they lack of them is added anyway."""
    url = no_database(tmp_path / "test.db")
    run_script(url, read_store("0010" if version == "0010" else "0014"))
    query_database(url, f"UPDATE alembic_version SET version_num = '{version}'")
    async with open_store(url) as store:
        assert store.instance == "0123abcd"


@pytest.mark.parametrize("version", [TOO_OLD[0], TOO_OLD[-1]])
async def test_older_stores_are_refused_in_a_sentence_and_left_alone(tmp_path: Path, version: str) -> None:
    url = no_database(tmp_path / "test.db")
    run_script(url, read_store("0010"))
    query_database(url, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(StoreError, match=rf"^The database has schema {version}, which is too old"):
        async with open_store(url):
            pass
    assert query_database(url, "SELECT version_num FROM alembic_version") == [(version,)]


async def test_slugs_are_composed_where_that_was_not_done_yet(tmp_path: Path) -> None:
    url = no_database(tmp_path / "test.db")
    run_script(url, read_store("0010"))
    query_database(url, "UPDATE cards SET slug = 'cafe\u0301' WHERE slug = 'comet'")
    async with open_store(url) as store:
        assert await store.cards.get_by_slug("caf\u00e9", 1)


@pytest.mark.sqlite("PostgreSQL keeps no value of another kind than its column's")
@pytest.mark.parametrize("value", ["no list", "[1", 7, None])
async def test_an_invalid_value_costs_its_subscription_alone(tmp_path: Path, value: Any) -> None:
    url = no_database(tmp_path / "test.db")
    run_script(url, read_store("0014"))
    with closing(sqlite3.connect(tmp_path / "test.db")) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE subscriptions SET times = ? WHERE id = 2", ("" if value is None else value,))
    async with open_store(url) as store:
        by_id = {each.id: each for each in await store.subscriptions.list_for_guild(1)}
        assert by_id[2].unusable == ("times",)
        assert not by_id[1].unusable
